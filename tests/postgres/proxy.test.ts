/** A network that can be broken in named ways, on plain sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { until, within } from '../process/wait.ts';
import { type NetProxy, startProxy } from './proxy.ts';

const patienceMs = 10_000;

/** One end of a connection: all that it received, and how it ended. */
class End {
  readonly socket: Socket;
  got = '';
  readonly ended: Promise<unknown>;
  readonly closed: Promise<unknown>;

  constructor(socket: Socket) {
    this.socket = socket;
    this.ended = once(socket, 'end').catch(() => 'never');
    this.closed = new Promise((resolve) => {
      socket.on('close', resolve);
    });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.got += text;
    });
    socket.on('error', () => {});
  }

  async hears(text: string): Promise<void> {
    const heard = (async () => {
      while (this.got !== text) await once(this.socket, 'data');
    })();
    await within(patienceMs, `'${text}' arrives, after '${this.got}'`, heard);
  }
}

interface Net {
  readonly proxy: NetProxy;
  /** A connection through the proxy, seen from both of its ends. */
  pair(): Promise<{ client: End; server: End }>;
  connect(): End;
}

async function net(t: TestContext): Promise<Net> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const proxy = await startProxy(address.port);
  const sockets: Socket[] = [];
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  t.after(async () => {
    await proxy.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const made = (): End => {
    const options = { port: proxy.port, host: '127.0.0.1', allowHalfOpen: true };
    const end = new End(connect(options));
    sockets.push(end.socket);
    return end;
  };
  return {
    proxy,
    connect: made,
    async pair() {
      const arrives = once(server, 'connection');
      const client = made();
      const [socket] = await within(patienceMs, 'the server is called', arrives);
      return { client, server: new End(socket) };
    },
  };
}

test('bytes and the ends of streams pass in both directions, and are counted', async (t) => {
  const { proxy, pair } = await net(t);
  const { client, server } = await pair();
  client.socket.end('question');
  await server.hears('question');
  await within(patienceMs, 'the end passes on', server.ended);
  server.socket.end('an answer');
  await client.hears('an answer');
  await within(patienceMs, 'both ends are closed', Promise.all([client.closed, server.closed]));
  const { accepted, bytesUp, bytesDown, cut } = proxy.counters;
  assert.deepEqual([accepted, bytesUp, bytesDown, cut], [1, 8, 9, 0]);
});

test('a delay holds everything back for so long, and keeps its order', async (t) => {
  const { proxy, pair } = await net(t);
  const { client, server } = await pair();
  const delayMs = 80;
  proxy.delay(delayMs);
  const sentAt = performance.now();
  client.socket.write('a');
  client.socket.write('b');
  client.socket.end('c');
  await server.hears('abc');
  // A millisecond less: the clocks of timers are coarser than the one that measures.
  assert.ok(performance.now() - sentAt >= delayMs - 1);
  await within(patienceMs, 'the end comes last', server.ended);
});

test('heal delivers at once what a delay still holds', async (t) => {
  const { proxy, pair } = await net(t);
  const { client, server } = await pair();
  client.socket.write('now ');
  await server.hears('now ');
  proxy.delay(1_000_000);
  client.socket.write('later');
  server.socket.write('news');
  await until('both are held back', () => proxy.counters.bytesHeld === 9);
  proxy.heal();
  await server.hears('now later');
  await client.hears('news');
  assert.equal(proxy.counters.bytesHeld, 0);
});

test('while the network hangs nothing arrives, not even a death; heal delivers it', async (t) => {
  const { proxy, pair, connect: call } = await net(t);
  const { client, server } = await pair();
  proxy.hang();
  client.socket.write('held back');
  const late = call();
  await within(patienceMs, 'a hanging network accepts', once(late.socket, 'connect'));
  late.socket.write('from nobody');
  client.socket.resetAndDestroy();
  await client.closed;
  await until('all of it is held back', () => proxy.counters.bytesHeld === 20);
  assert.deepEqual([server.got, server.socket.closed, proxy.counters.bytesUp], ['', false, 0]);
  proxy.heal();
  await server.hears('held back');
  await within(patienceMs, 'the death is told', server.closed);
});

test('cut destroys what is open, and serves what comes', async (t) => {
  const { proxy, pair } = await net(t);
  const [one, other] = [await pair(), await pair()];
  proxy.cut();
  const ends = [one.client, one.server, other.client, other.server];
  await within(patienceMs, 'all are closed', Promise.all(ends.map((end) => end.closed)));
  assert.deepEqual([proxy.counters.open, proxy.counters.cut], [0, 2]);
  const { client, server } = await pair();
  client.socket.write('again');
  await server.hears('again');
});

test('cut while an end is still on its way, it is destroyed all the same', async (t) => {
  const { proxy, pair } = await net(t);
  const { client, server } = await pair();
  proxy.halfClose('client');
  proxy.halfClose('server');
  proxy.cut();
  // Whoever was told the end reads no more, and hears of the rest when he writes.
  const dead = ({ socket }: End): boolean => {
    if (!socket.destroyed) socket.write('anybody?');
    return socket.destroyed;
  };
  const both = [client, server];
  await until('both are closed', () => both.map(dead).every((is) => is), patienceMs);
});

test('refuse destroys also what comes, until the network is healed', async (t) => {
  const { proxy, pair, connect: call } = await net(t);
  const before = await pair();
  proxy.refuse();
  await within(patienceMs, 'the open one is closed', before.client.closed);
  await within(patienceMs, 'a new one is closed', call().closed);
  assert.equal(proxy.counters.refused, 1);
  proxy.heal();
  const { client, server } = await pair();
  client.socket.write('back');
  await server.hears('back');
});

for (const side of ['client', 'server'] as const) {
  test(`half closed for the ${side}, the other direction goes on`, async (t) => {
    const { proxy, pair } = await net(t);
    const both = await pair();
    const [deaf, other] =
      side === 'client' ? [both.client, both.server] : [both.server, both.client];
    proxy.halfClose(side);
    await within(patienceMs, 'the end is heard', deaf.ended);
    other.socket.write('lost');
    deaf.socket.write('still heard');
    await other.hears('still heard');
    assert.equal(deaf.got, '');
  });
}

test('a server that is not there closes the connection of whoever calls', async (t) => {
  const gone = createServer();
  gone.listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const address = gone.address();
  assert.ok(address !== null && typeof address === 'object');
  gone.close();
  await once(gone, 'close');
  const proxy = await startProxy(address.port);
  t.after(() => proxy.close());
  const client = new End(connect({ port: proxy.port, host: '127.0.0.1' }));
  await within(patienceMs, 'it is closed', client.closed);
  assert.equal(proxy.url('postgres://a:b@db.example/x?y=1').startsWith('postgres://a:b@127'), true);
});
