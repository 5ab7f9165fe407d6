/**
 * Owns a network that loses what it is told to: a TCP proxy in front of a server of the loopback,
 * which goes by a plan for each connection that comes.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What becomes of a connection, from its first byte on: `refuse` resets it; `hang` takes everything
 * and says nothing; a number lets so many bytes of answers through and then resets it, `stallAt`
 * then says nothing more. With 0 the server has answered, and nobody hears it.
 */
export type Plan = 'pass' | 'refuse' | 'hang' | number | { readonly stallAt: number };

export class CutProxy implements AsyncDisposable {
  /** For the connections to come, first to last; behind them `fallback` holds. */
  readonly plans: Plan[] = [];
  fallback: Plan = 'pass';
  /** Connections so far over which something was asked. */
  count = 0;
  readonly #target: number;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((near) => this.#take(near));
  }

  static async start(target: number): Promise<CutProxy> {
    const proxy = new CutProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resets all that is open, and lets everybody notice: the next request makes a connection. */
  async cut(): Promise<void> {
    for (const socket of this.#open) socket.resetAndDestroy();
    while (this.#open.size > 0) await new Promise(setImmediate);
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
  }

  /** Whoever calls may open connections that it never uses: those follow no plan. */
  #take(near: Socket): void {
    this.#keep(near).once('data', (first: Buffer) => {
      const plan = this.plans.shift() ?? this.fallback;
      this.count += 1;
      if (plan === 'refuse') near.resetAndDestroy();
      else if (plan === 'hang') near.resume();
      else if (plan === 'pass') this.#forward(near, first, Infinity, true);
      else if (typeof plan === 'number') this.#forward(near, first, plan, true);
      else this.#forward(near, first, plan.stallAt, false);
    });
  }

  #forward(near: Socket, first: Buffer, bytesMax: number, resets: boolean): void {
    let left = bytesMax;
    const far = this.#keep(connect(this.#target, '127.0.0.1'));
    far.write(first);
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      if (far.destroyed) return;
      const whole = chunk.length < left;
      near.write(chunk.subarray(0, left), () => {
        if (!whole && resets) near.resetAndDestroy();
      });
      left -= chunk.length;
      if (!whole) far.destroy();
    });
    far.on('close', () => {
      if (left > 0) near.end();
    });
    near.on('close', () => far.destroy());
  }

  #keep(socket: Socket): Socket {
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
