import { type AddressInfo, connect, createServer, type Server } from 'node:net';

/** A port that goes to another, and counts what clients send, and receive. */
export class CountedWire {
  sent = 0;
  received = 0;
  /** Called after each piece that was sent. */
  onSent: () => void = () => {};
  /** … that was received. */
  onReceived: () => void = () => {};
  readonly #server: Server;

  constructor(port: number) {
    this.#server = createServer((client) => {
      const peer = connect(port, '127.0.0.1');
      client.on('data', (bytes) => {
        this.sent += bytes.length;
        this.onSent();
      });
      peer.on('data', (bytes) => {
        this.received += bytes.length;
        this.onReceived();
      });
      client.pipe(peer).pipe(client);
      for (const socket of [client, peer]) socket.on('error', () => [client, peer].map((one) => one.destroy()));
    });
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await new Promise((resolve) => this.#server.once('listening', resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
  }
}
