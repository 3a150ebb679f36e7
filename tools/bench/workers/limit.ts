// The limit: a Worker that reads the body and answers. No receiver on this runtime can be faster.

export default {
  async fetch(request) {
    await request.text();
    return Response.json({ received: true });
  },
} satisfies ExportedHandler;
