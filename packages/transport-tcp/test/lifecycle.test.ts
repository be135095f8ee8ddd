import { afterEach, expect, test } from 'vitest'
import { createTcpTransport, tcpTransportDefaults, type TcpTransportOptions } from '../src/index.ts'
import { systemEnvironment } from '@orrery/environment/system'
import { Authority } from './certificates.ts'
import { createCountingClock, host, listenSilently, RawPeer, TcpTrial } from './support.ts'

const trials: TcpTrial[] = []
afterEach(() => Promise.all(trials.splice(0).map((trial) => trial.close())))

function begin(setup?: ConstructorParameters<typeof TcpTrial>[0]): TcpTrial {
  const trial = new TcpTrial(setup)
  trials.push(trial)
  return trial
}

/** The sockets that keep this process alive. Timers are counted by the clock: the test runner has some, too. */
function handles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|TLS|GetAddrInfo/.test(name))
    .sort()
}

const tls = new Authority('cluster').issue([host])

test.each([
  ['TCP', {}],
  ['TLS', { tls }],
])('closing leaves nothing behind, whatever was going on over %s', async (_, setup) => {
  const before = handles()
  const { clock, pending } = createCountingClock()
  const trial = new TcpTrial({ ...setup, clock })
  const [a, b] = await trial.pair()
  const silent = await listenSilently()
  const nowhere = await trial.vacancy()
  a.transport.setPeers([b.peer, { id: 3n, addresses: [nowhere] }, { id: 4n, addresses: [silent.address] }])
  b.answer = () => new Promise(() => {})
  b.restore = () => new Promise(() => {})
  const content = (async function* () {
    for (;;) yield await Promise.resolve(new Uint8Array(100_000))
  })()
  const waiting = [
    a.transport.request(2n, Buffer.of(1)),
    a.transport.request(b.transport.address, Buffer.of(1)),
    a.transport.request(silent.address, Buffer.of(1)),
    a.transport.sendSnapshot(2n, { header: Buffer.of(1), content }),
    a.transport.sendSnapshot(4n, { header: Buffer.of(1), content }),
  ]
  for (const each of waiting) each.catch(() => {})
  // One who has not introduced itself, in the middle of a TLS handshake if there is one.
  const raw = new RawPeer(trial.portOf(b))
  for (let n = 0; n < 100; n++) a.beat(2n, n)
  await trial.eventually('messages arrive', () => b.rounds.length > 0)
  expect(handles()).not.toEqual(before)
  a.beat(2n, 100)
  await Promise.all([a.transport.close(), b.transport.close()])
  for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' })
  await trial.eventually('the other one is hung up on', () => raw.isClosed)
  await silent.close()
  await trial.eventually('nothing is left', () => handles().length === before.length)
  expect(pending()).toBe(0)
  expect(trial.tcp(a).stats().connections + trial.tcp(b).stats().connections).toBe(0)
})

test('a transport that is closed while it starts does not listen', async () => {
  const before = handles()
  const trial = begin()
  const transport = trial.create()
  const identity = { clusterId: 1n, memberId: 1n, directoryId: 1n }
  const a = await trial.member(2n)
  const starting = transport.start(identity, a)
  const closed = transport.close()
  await trial.rejects(starting, 'TRANSPORT_CLOSED')
  await closed
  await a.transport.close()
  await trial.eventually('nothing is left', () => handles().length === before.length)
})

test('a transport cannot listen where it may not', async () => {
  const transport = createTcpTransport({
    listen: { host: '192.0.2.1', port: 1 },
    environment: systemEnvironment(),
  })
  const trial = begin()
  const a = await trial.member(2n)
  const identity = { clusterId: 1n, memberId: 1n, directoryId: 1n }
  await trial.rejects(transport.start(identity, a), 'TRANSPORT_LISTEN_FAILED', '192.0.2.1:1')
  await transport.close()
})

test('peers are told the advertised address, and IPv6 has brackets', async () => {
  const identity = { clusterId: 1n, memberId: 1n, directoryId: 1n }
  const trial = begin()
  const a = await trial.member(2n)
  const environment = systemEnvironment()
  await using advertised = createTcpTransport({
    listen: { host, port: 0 },
    advertise: 'node-1.example:2380',
    environment,
  })
  await advertised.start(identity, a)
  expect(advertised.address).toBe('node-1.example:2380')
  await using six = createTcpTransport({ listen: { host: '::1', port: 0 }, environment })
  await six.start(identity, a)
  expect(six.address).toMatch(/^\[::1\]:\d+$/)
  expect(await trial.settled(a.transport.request(six.address, Buffer.from('?')))).toEqual(Buffer.from('?'))
})

test('the address is known only once the transport is started', () => {
  const transport = createTcpTransport({ listen: { host, port: 0 }, environment: systemEnvironment() })
  expect(() => transport.address).toThrow('once it is started')
})

test.each<TcpTransportOptions>([
  { frameMaxBytes: 0 },
  { frameMaxBytes: 65_535 },
  { frameMaxBytes: 2 ** 30 + 1 },
  { frameMaxBytes: Number.NaN },
  { queueMaxBytes: tcpTransportDefaults.frameMaxBytes * 2 - 1 },
  { queueReserveBytes: tcpTransportDefaults.frameMaxBytes + 1 },
  { idleTimeoutMs: 1_999 },
  { reconnectMinMs: 3_000 },
  { connectionMaxCount: -1 },
  { handshakeTimeoutMs: 1.5 },
])('refuses %j', (options) => {
  const parts = { listen: { host, port: 0 }, environment: systemEnvironment() }
  expect(() => createTcpTransport(parts, options)).toThrow('TRANSPORT_INVALID_OPTION')
})
