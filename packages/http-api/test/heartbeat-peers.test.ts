import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createManualEnvironment } from '@orrery/environment/testing'
import type { HeartbeatBatch } from '@orrery/registry'
import { describe, expect, test } from 'vitest'
import { createHttpHeartbeatPeers, type HttpHeartbeatPeersOptions } from '../src/index.ts'
import { startApi, until } from './support.ts'

const batch: HeartbeatBatch = {
  from: 'a',
  life: 'x',
  sequence: 1,
  ringRevision: 3,
  beats: ['default/shop/a', 'default/shop/b'],
  isLast: false,
}

const never = new AbortController().signal

/** A member whose answers a test gives. */
async function startPeer(
  answer: (body: string, headers: NodeJS.Dict<string | string[]>) => readonly [number, string] | undefined,
): Promise<{
  readonly server: Server
  readonly address: string
  readonly connections: () => Promise<number>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const given = answer(body, { ...request.headers, url: request.url })
      if (given !== undefined) response.writeHead(given[0]).end(given[1])
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    server,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function open(options?: HttpHeartbeatPeersOptions): {
  readonly peers: ReturnType<typeof createHttpHeartbeatPeers>
  readonly environment: ReturnType<typeof createManualEnvironment>
  readonly [Symbol.asyncDispose]: () => Promise<void>
} {
  const environment = createManualEnvironment()
  const peers = createHttpHeartbeatPeers({ address: 'me:1', environment }, options)
  return { peers, environment, [Symbol.asyncDispose]: () => peers.close() }
}

describe('heartbeats over HTTP', () => {
  test('reach the registry of another member through its API', async () => {
    const environment = createManualEnvironment()
    const seen: HeartbeatBatch[] = []
    await using api = await startApi({
      environment,
      overrides: {
        receiveHeartbeats: (given) => {
          seen.push(given)
          return { ringRevision: 5, refused: [1] }
        },
      },
    })
    const address = new URL(await api.listen()).host
    await using host = open()
    expect(await host.peers.send(address, batch, { signal: never })).toEqual({
      ringRevision: 5,
      refused: [1],
    })
    expect(seen).toEqual([batch])
    const large = {
      ...batch,
      beats: Array.from({ length: 10_000 }, (_, index) => `default/${'s'.repeat(100)}/${index}`),
    }
    await host.peers.send(address, large, { signal: never })
    expect(seen[1]).toEqual(large)
  })

  test('of a registry that is no member are refused as it does', async () => {
    await using api = await startApi()
    const address = new URL(await api.listen()).host
    await using host = open()
    const sent = host.peers.send(address, batch, { signal: never })
    const direct = ((): unknown => {
      try {
        return api.registry.receiveHeartbeats(batch)
      } catch (error) {
        return error
      }
    })()
    if (direct instanceof Error) await expect(sent).rejects.toMatchObject({ code: 'HTTP_API_PEER_FAILED' })
    else expect(await sent).toEqual(direct)
  })

  test('bring along headers, to the path that the receivers have', async () => {
    let seen: NodeJS.Dict<string | string[]> = {}
    await using peer = await startPeer((_body, headers) => {
      seen = headers
      return [200, '{"ringRevision":1,"refused":[]}']
    })
    await using host = open({ headers: { authorization: 'Bearer x' }, path: '/inner/beats' })
    await host.peers.send(peer.address, batch, { signal: never })
    expect(seen).toMatchObject({
      authorization: 'Bearer x',
      'content-type': 'application/json',
      url: '/inner/beats',
    })
    expect(host.peers.address).toBe('me:1')
  })

  test.each([
    ['an error', 503, '{"code":"REGISTRY_NOT_READY"}'],
    ['a redirect', 302, ''],
    ['no JSON', 200, '<html>'],
    ['no reply', 200, '{"refused":[]}'],
    ['positions that were not sent', 200, '{"ringRevision":1,"refused":[2]}'],
    ['more positions than beats', 200, '{"ringRevision":1,"refused":[0,1,1]}'],
    ['a reply without end', 200, `{"ringRevision":1,"refused":[]}${' '.repeat(300_000)}`],
  ])('fail when the answer is %s', async (_what, status, text) => {
    await using peer = await startPeer(() => [status, text])
    await using host = open()
    await expect(host.peers.send(peer.address, batch, { signal: never })).rejects.toMatchObject({
      code: 'HTTP_API_PEER_FAILED',
      message: expect.stringContaining(peer.address) as string,
    })
  })

  test('fail when nobody listens', async () => {
    const peer = await startPeer(() => undefined)
    await peer[Symbol.asyncDispose]()
    await using host = open()
    await expect(host.peers.send(peer.address, batch, { signal: never })).rejects.toMatchObject({
      code: 'HTTP_API_PEER_FAILED',
    })
  })

  test('end when their signal says so', async () => {
    let asked = 0
    await using peer = await startPeer(() => {
      asked++
      return undefined
    })
    await using host = open()
    const controller = new AbortController()
    const sent = host.peers.send(peer.address, batch, { signal: controller.signal })
    sent.catch(() => {})
    await until(() => asked === 1)
    const reason = new Error('too late')
    controller.abort(reason)
    await expect(sent).rejects.toBe(reason)
    await expect(host.peers.send(peer.address, batch, { signal: controller.signal })).rejects.toBe(reason)
    expect(asked).toBe(1)
  })

  test('are refused when too many are in flight to one member, or to too many members', async () => {
    let asked = 0
    await using peer = await startPeer(() => {
      asked++
      return undefined
    })
    await using host = open({ inFlightMaxBatches: 2, addressesMax: 1 })
    const sent = [1, 2].map(() => host.peers.send(peer.address, batch, { signal: never }))
    for (const one of sent) one.catch(() => {})
    await until(() => asked === 2)
    for (const address of [peer.address, '127.0.0.2:1']) {
      await expect(host.peers.send(address, batch, { signal: never })).rejects.toMatchObject({
        code: 'HTTP_API_PEER_OVERLOADED',
      })
    }
    await host.peers.close()
    for (const one of sent) await expect(one).rejects.toMatchObject({ code: 'HTTP_API_PEERS_CLOSED' })
  })

  test.each(['', 'x y', 'http://a', 'a/b', 'a:b', 'a@b:1', 'a:1/', 'a:1?x', 'a:1#x', 'a', 'a:99999'])(
    'refuse an address that is none: %j',
    async (address) => {
      await using host = open()
      await expect(host.peers.send(address, batch, { signal: never })).rejects.toMatchObject({
        code: 'HTTP_API_PEER_INVALID',
      })
    },
  )

  test('keep their connections, until nobody used them for a minute', async () => {
    await using peer = await startPeer(() => [200, '{"ringRevision":1,"refused":[]}'])
    await using host = open()
    for (let round = 0; round < 5; round++) {
      await host.peers.send(peer.address, batch, { signal: never })
      host.environment.clock.advance(30_000)
    }
    expect(await peer.connections()).toBeLessThanOrEqual(2)
    host.environment.clock.advance(120_000)
    let connections = 1
    await until(() => {
      void peer.connections().then((count) => (connections = count))
      return connections === 0
    })
    expect(host.environment.clock.pending).toBe(0)
    await host.peers.send(peer.address, batch, { signal: never })
  })

  test('make room for another member', async () => {
    await using first = await startPeer(() => [200, '{"ringRevision":1,"refused":[]}'])
    await using second = await startPeer(() => [200, '{"ringRevision":2,"refused":[]}'])
    await using host = open({ addressesMax: 1 })
    for (const [{ address }, ringRevision] of [
      [first, 1],
      [second, 2],
      [first, 1],
    ] as const) {
      expect(await host.peers.send(address, batch, { signal: never })).toMatchObject({ ringRevision })
    }
  })

  test('are over when they are closed', async () => {
    await using host = open()
    expect(host.peers.close()).toBe(host.peers.close())
    await host.peers.close()
    await expect(host.peers.send('a:1', batch, { signal: never })).rejects.toMatchObject({
      code: 'HTTP_API_PEERS_CLOSED',
    })
    expect(host.environment.clock.pending).toBe(0)
  })

  test('refuse options that make no sense', () => {
    for (const name of ['inFlightMaxBatches', 'connectionsMax', 'addressesMax', 'idleMaxMs'] as const) {
      expect(() => createHttpHeartbeatPeers({ address: 'a:1' }, { [name]: 0 })).toThrow(name)
    }
  })
})
