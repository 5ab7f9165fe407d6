/**
 * Owns a network that can be broken: a TCP proxy in front of a server of the loopback.
 *
 * X1 Bytes are forwarded in their order or not at all, and the end of a stream comes after its
 *    bytes.
 * X2 A broken network takes what is sent to it, as a kernel does, and keeps it: `heal` delivers
 *    what `hang` held back, since TCP sends again. What `cut` threw away is gone. Until then
 *    neither side hears that the other is gone, either.
 * X3 Modes hold for the connections that are open and for those that come, until `heal`.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyCounters {
  /** Connections so far, and those open now. */
  readonly accepted: number;
  readonly open: number;
  /** Connections that came while they were refused. */
  readonly refused: number;
  /** Connections that `cut` or `refuse` destroyed. */
  readonly cut: number;
  /** Bytes forwarded to the server, and to the clients. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Bytes that came and are held back now. */
  readonly bytesHeld: number;
}

export interface NetProxy {
  readonly port: number;
  readonly counters: ProxyCounters;
  /** The same address by way of the proxy. */
  url(target: string): string;
  /** From now on everything arrives so much later, in both directions. 0: at once. */
  delay(ms: number): void;
  /** Takes everything and forwards nothing. New connections are accepted, and hear nothing. */
  hang(): void;
  /** Destroys all connections, without a word of goodbye. New ones are served. */
  cut(): void;
  /** Like `cut`, and new connections are destroyed as they come. */
  refuse(): void;
  /** Tells this side of all open connections that the other one sends nothing more. */
  halfClose(side?: 'client' | 'server'): void;
  /** Forwards everything again, at once, beginning with what was held back. */
  heal(): void;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

/** Starts a proxy on a free port of the loopback. */
export async function startProxy(
  target: number | { host: string; port: number },
): Promise<NetProxy> {
  const proxy = new TcpProxy(typeof target === 'number' ? { host: HOST, port: target } : target);
  await proxy.listen();
  return proxy;
}

/** What the network does at the moment. */
interface Weather {
  mode: 'open' | 'hang' | 'refuse';
  delayMs: number;
}

class TcpProxy implements NetProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #weather: Weather = { mode: 'open', delayMs: 0 };
  readonly #counters = { accepted: 0, refused: 0, cut: 0, bytesUp: 0, bytesDown: 0 };
  readonly #links = new Set<Link>();
  readonly #server: Server;

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return address.port;
  }

  get counters(): ProxyCounters {
    const lanes = [...this.#links].flatMap(({ up, down }) => [up, down]);
    const bytesHeld = lanes.reduce((sum, lane) => sum + lane.bytesHeld, 0);
    return { ...this.#counters, open: this.#links.size, bytesHeld };
  }

  async listen(): Promise<void> {
    this.#server.listen(0, HOST);
    await once(this.#server, 'listening');
  }

  url(target: string): string {
    const url = new URL(target);
    url.hostname = HOST;
    url.port = String(this.port);
    return url.href;
  }

  delay(ms: number): void {
    this.#weather.delayMs = ms;
  }

  hang(): void {
    this.#weather.mode = 'hang';
  }

  cut(): void {
    for (const link of [...this.#links]) {
      this.#counters.cut += 1;
      link.destroy();
    }
  }

  refuse(): void {
    this.#weather.mode = 'refuse';
    this.cut();
  }

  halfClose(side: 'client' | 'server' = 'client'): void {
    for (const link of this.#links) (side === 'client' ? link.down : link.up).end();
  }

  heal(): void {
    this.#weather.mode = 'open';
    this.#weather.delayMs = 0;
    for (const { up, down } of [...this.#links]) {
      up.flush();
      down.flush();
    }
  }

  async close(): Promise<void> {
    for (const link of [...this.#links]) link.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    this.#counters.accepted += 1;
    if (this.#weather.mode === 'refuse') {
      this.#counters.refused += 1;
      client.on('error', () => {});
      destroyNow(client);
      return;
    }
    const server = connect({ ...this.#target, allowHalfOpen: true });
    const destroy = (): void => {
      if (!this.#links.delete(link)) return;
      link.up.stop();
      link.down.stop();
      destroyNow(client);
      destroyNow(server);
    };
    const lane = (from: Socket, to: Socket, name: 'bytesUp' | 'bytesDown'): Lane =>
      new Lane({
        ...{ from, to, weather: this.#weather, reset: destroy },
        count: (bytes) => {
          this.#counters[name] += bytes;
        },
      });
    const up = lane(client, server, 'bytesUp');
    const link: Link = { up, down: lane(server, client, 'bytesDown'), destroy };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) this.#links.delete(link);
      });
    }
  }
}

/**
 * Resets a connection. While it is being shut down the system refuses that, and Node then leaves
 * the socket open for good and spins at the end of the process.
 */
function destroyNow(socket: Socket): void {
  const { connecting, writableEnded, writableFinished, writableLength } = socket;
  const shuts = writableEnded && !writableFinished && writableLength === 0;
  if (connecting) socket.once('connect', () => destroyNow(socket));
  else if (shuts) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

/** Both directions of one connection. */
interface Link {
  readonly up: Lane;
  readonly down: Lane;
  destroy(): void;
}

interface LaneParts {
  readonly from: Socket;
  readonly to: Socket;
  readonly weather: Weather;
  reset(): void;
  count(bytes: number): void;
}

/** X1. One direction: what came, and when it is due. */
class Lane {
  readonly #parts: LaneParts;
  #held: { readonly item: Buffer | 'end' | 'reset'; readonly dueAt: number }[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    parts.from.on('data', (bytes: Buffer) => this.#take(bytes));
    parts.from.on('end', () => this.#take('end'));
    parts.from.on('error', () => this.#take('reset'));
  }

  get bytesHeld(): number {
    return this.#held.reduce((sum, { item }) => sum + (Buffer.isBuffer(item) ? item.length : 0), 0);
  }

  /** Ends the stream for whoever reads it, whatever is still held. */
  end(): void {
    this.stop();
    this.#parts.to.end();
  }

  /** Sends all that is held, whenever it was due. */
  flush(): void {
    this.#held = this.#held.map(({ item }) => ({ item, dueAt: 0 }));
    this.#forward();
  }

  /** Forgets what is held. */
  stop(): void {
    this.#held = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #take(item: Buffer | 'end' | 'reset'): void {
    this.#held.push({ item, dueAt: performance.now() + this.#parts.weather.delayMs });
    this.#forward();
  }

  #forward(): void {
    const { to, weather, reset, count } = this.#parts;
    while (weather.mode !== 'hang') {
      const [next] = this.#held;
      if (next === undefined) return;
      const ms = next.dueAt - performance.now();
      if (ms > 0) {
        this.#wake(ms);
        return;
      }
      this.#held.shift();
      if (next.item === 'reset') reset();
      else if (next.item === 'end') to.end();
      else if (to.writable) {
        count(next.item.length);
        to.write(next.item);
      }
    }
  }

  #wake(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#forward();
    }, ms);
  }
}
