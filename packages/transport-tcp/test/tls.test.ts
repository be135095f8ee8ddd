import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import type { TrialMember } from '@orrery/raft-node/testing'
import type { createTcpTransport } from '../src/index.ts'
import { type TlsCredentials } from '../src/index.ts'
import { Authority } from './certificates.ts'
import { host, RawPeer, type Setup, TcpTrial } from './support.ts'

const authority = new Authority('cluster')
const stranger = new Authority('somebody else')
const request = Buffer.from('?')

const trials: TcpTrial[] = []
afterEach(() => Promise.all(trials.splice(0).map((trial) => trial.close())))

function begin(tls: TlsCredentials): TcpTrial {
  const trial = new TcpTrial({ tls })
  trials.push(trial)
  return trial
}

/** A member that listens with some credentials, and one that dials it with others. */
async function meet(here: TlsCredentials, there: Setup) {
  const trial = begin(here)
  const a = await trial.member(1n)
  trial.setup = there
  const b = await trial.member(2n)
  return { trial, a, b, ask: () => b.transport.request(a.transport.address, request) }
}

async function works(trial: TcpTrial, a: TrialMember): Promise<void> {
  trial.setup = { tls: authority.issue([host]) }
  const c = await trial.member(3n)
  c.transport.setPeers([a.peer])
  await trial.eventually(
    'messages arrive',
    () => a.rounds.length > 0,
    () => c.beat(1n, 1),
  )
}

describe('who is dialled refuses', () => {
  test.each([
    ['a certificate of another authority', { ...stranger.issue([host]), ca: authority.ca }],
    ['a certificate that has expired', authority.issue([host], { untilYear: 2021 })],
  ])('%s', async (_, tls) => {
    const { trial, a, ask } = await meet(authority.issue([host]), { tls })
    await expect(ask()).rejects.toThrow(/TRANSPORT_(REFUSED|UNREACHABLE)/)
    expect(trial.tcp(a).stats().refused.certificate).toBe(1)
    expect(a.met).toEqual([])
    await works(trial, a)
  })

  test('no certificate at all', async () => {
    const trial = begin(authority.issue([host]))
    const a = await trial.member(1n)
    const client = connectTls({ port: trial.portOf(a), host, ca: authority.ca })
    let isClosed = false
    client.on('error', () => {})
    client.on('close', () => {
      isClosed = true
    })
    await trial.eventually('it is hung up on', () => isClosed)
    expect(trial.tcp(a).stats().refused.certificate).toBe(1)
    await works(trial, a)
  })

  test('a peer without TLS', async () => {
    const { trial, a, ask } = await meet(authority.issue([host]), {})
    await expect(ask()).rejects.toThrow(/TRANSPORT_(REFUSED|UNREACHABLE)/)
    await trial.eventually('it is counted', () => trial.tcp(a).stats().refused.certificate === 1)
    await works(trial, a)
  })

  test('who begins no TLS handshake in time', async () => {
    const trial = begin(authority.issue([host]))
    trial.setup = { tls: authority.issue([host]), options: { handshakeTimeoutMs: 50 } }
    const a = await trial.member(1n)
    const raw = new RawPeer(trial.portOf(a))
    await trial.eventually('it is hung up on', () => raw.isClosed)
    expect(trial.tcp(a).stats().refused.certificate).toBe(1)
  })

  test('garbage', async () => {
    const trial = begin(authority.issue([host]))
    const a = await trial.member(1n)
    const raw = new RawPeer(trial.portOf(a))
    raw.say(Buffer.alloc(1_000, 0xff))
    await trial.eventually('it is hung up on', () => raw.isClosed)
    expect(trial.tcp(a).stats().refused.certificate).toBe(1)
    await works(trial, a)
  })

  test('a member of the cluster that has none of the allowed names', async () => {
    const here = { ...authority.issue([host, 'raft.cluster']), allowedNames: ['raft.cluster'] }
    const { trial, a, b, ask } = await meet(here, { tls: authority.issue([host, 'web.cluster']) })
    await trial.rejects(ask(), 'TRANSPORT_UNREACHABLE')
    expect(trial.tcp(a).stats().refused.certificate).toBe(1)
    trial.tcp(b).setCredentials(authority.issue([host, 'raft.cluster']))
    expect(await trial.settled(ask())).toEqual(request)
  })
})

describe('who dials refuses', () => {
  test('a certificate of another authority', async () => {
    const here = { ...stranger.issue([host]), ca: authority.ca }
    const { trial, b, ask } = await meet(here, { tls: authority.issue([host]) })
    await trial.rejects(ask(), 'TRANSPORT_REFUSED')
    expect(b.met).toEqual([])
  })

  test('a certificate for another host', async () => {
    const { trial, ask } = await meet(authority.issue(['10.0.0.1']), { tls: authority.issue([host]) })
    await trial.rejects(ask(), 'TRANSPORT_REFUSED', 'does not match')
  })

  test('a certificate with none of the allowed names', async () => {
    const there = { ...authority.issue([host]), allowedNames: ['raft.cluster', '10.0.0.1'] }
    const { trial, ask } = await meet(authority.issue([host]), { tls: there })
    await trial.rejects(ask(), 'TRANSPORT_REFUSED', 'allowed names')
  })

  test('a peer without TLS', async () => {
    const trial = new TcpTrial()
    trials.push(trial)
    const a = await trial.member(1n)
    trial.setup = { tls: authority.issue([host]) }
    const b = await trial.member(2n)
    await trial.rejects(b.transport.request(a.transport.address, request), 'TRANSPORT_REFUSED')
    await trial.eventually('it is counted', () => trial.tcp(a).stats().refused.malformed === 1)
  })
})

test('with an allowed name it does not matter at which host a member is', async () => {
  const credentials = () => ({ ...authority.issue(['raft.cluster']), allowedNames: ['raft.cluster'] })
  const { trial, ask } = await meet(credentials(), { tls: credentials() })
  expect(await trial.settled(ask())).toEqual(request)
})

test('certificates are replaced while the transport runs', async () => {
  const next = new Authority('next cluster')
  const both = authority.ca + next.ca
  const { trial, a, b, ask } = await meet(authority.issue([host]), { tls: authority.issue([host]) })
  expect(await trial.settled(ask())).toEqual(request)
  trial.tcp(a).setCredentials({ ...next.issue([host]), ca: both })
  trial.setup = { tls: authority.issue([host]) }
  const old = await trial.member(3n)
  await trial.rejects(old.transport.request(a.transport.address, request), 'TRANSPORT_REFUSED')
  // A connection that there is goes on.
  expect(await trial.settled(ask())).toEqual(request)
  trial.tcp(b).setCredentials({ ...authority.issue([host]), ca: both })
  b.transport.setPeers([a.peer])
  await trial.eventually(
    'messages arrive',
    () => a.rounds.length > 0,
    () => b.beat(1n, 1),
  )
})

describe('credentials', () => {
  test('that are none are refused at once', () => {
    const credentials = { ...authority.issue([host]), key: 'not a key' }
    expect(() => begin(credentials).create()).toThrow('TRANSPORT_INVALID_OPTION')
    const transport = begin(authority.issue([host])).create()
    expect(() => (transport as ReturnType<typeof createTcpTransport>).setCredentials(credentials)).toThrow(
      'TRANSPORT_INVALID_OPTION',
    )
  })

  test('have no place in a transport without TLS', async () => {
    const trial = new TcpTrial()
    trials.push(trial)
    const a = await trial.member(1n)
    expect(() => trial.tcp(a).setCredentials(authority.issue([host]))).toThrow('TRANSPORT_INVALID_OPTION')
  })
})
