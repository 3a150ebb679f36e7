// Acknowledges everything, so that messages are delivered: a local queue without a consumer drops them.

export default {
  async queue(batch) {
    batch.ackAll();
  },
} satisfies ExportedHandler;
