// A proxy between the browser and the receiver whose connections can be cut.
import { connect, createServer, type Socket } from 'node:net';

export interface Wire {
  origin: string;
  /** Ends all connections, whatever is under way on them. */
  cut(): void;
  remove(): Promise<void>;
}

/** Starts a proxy to an origin, on an address of its own. */
export async function wireTo(origin: string): Promise<Wire> {
  const { hostname, port } = new URL(origin);
  const ends = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        ends.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  const cut = () => {
    for (const end of ends) end.destroy();
  };
  return {
    origin: `http://127.0.0.1:${address.port}`,
    cut,
    async remove() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
