import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '@orrery/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Authority } from '../../../packages/transport-tcp/test/certificates.ts'
import { formatListenAddress } from '../src/listen-address.ts'
import type { PeerOptions } from '../src/options.ts'
import type { HostAndPort } from '../src/probe-port.ts'
import { createReferenceServer, type ReferenceServer } from '../src/reference-server.ts'
import { freeAddress } from './free-address.ts'
import { alone, anyPort, inMemory } from './server-options.ts'

let directory: string
const servers: ReferenceServer[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-member-'))
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  rmSync(directory, { recursive: true })
})

async function start(name: string, peer: Partial<PeerOptions> | undefined): Promise<ReferenceServer> {
  const server = createReferenceServer({
    ...inMemory,
    name,
    dataDir: join(directory, name),
    peer: peer === undefined ? undefined : { ...alone, ...peer },
  })
  servers.push(server)
  await server.start()
  return server
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

async function post(server: ReferenceServer, path: string, body: unknown): Promise<unknown> {
  const url = `${server.endpoints.client ?? ''}/v3/${path}`
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  return response.json()
}

describe('a member', () => {
  test('alone keeps what was put across a restart, and tells where it is reached', async () => {
    const first = await start('a', {})
    await post(first, 'kv/put', { key: base64('k'), value: base64('v') })
    expect(await post(first, 'cluster/member/list', {})).toMatchObject({
      members: [
        {
          name: 'a',
          clientURLs: [first.endpoints.client],
          peerURLs: [`http://${first.endpoints.peer ?? ''}`],
        },
      ],
    })
    await first.close()
    const second = await start('a', {})
    expect(await post(second, 'kv/range', { key: base64('k') })).toMatchObject({
      kvs: [{ value: base64('v') }],
    })
    expect(await post(second, 'cluster/member/list', {})).toMatchObject({
      members: [{ clientURLs: [second.endpoints.client] }],
    })
  })

  test('that was refused joins once there is a place for it', async () => {
    const first = await start('a', {})
    await post(first, 'kv/put', { key: base64('k'), value: base64('v') })
    const join = [first.endpoints.peer ?? '']
    const listen = await freeAddress()
    await expect(start('b', { listen, join })).rejects.toMatchObject({
      code: 'SERVER_STORE_UNAVAILABLE',
      reason: `--join: the cluster has no member at 127.0.0.1:${String(listen.port)}: add it first`,
    })
    await post(first, 'cluster/member/add', { peerURLs: [`http://127.0.0.1:${String(listen.port)}`] })
    const second = await start('b', { listen, join })
    expect(await post(second, 'kv/range', { key: base64('k') })).toMatchObject({
      kvs: [{ value: base64('v') }],
    })
  })

  test('is reached at the address that it advertises, not where it listens', async () => {
    const first = await start('a', {})
    const listen = await freeAddress()
    const relay = createServer((incoming) => {
      const outgoing = connect(listen)
      incoming.pipe(outgoing).pipe(incoming)
      incoming.on('error', () => outgoing.destroy())
      outgoing.on('error', () => incoming.destroy())
    }).listen(anyPort)
    await once(relay, 'listening')
    const advertised = `127.0.0.1:${String((relay.address() as AddressInfo).port)}`
    await post(first, 'cluster/member/add', { peerURLs: [`http://${advertised}`] })
    const second = await start('b', { listen, advertise: [advertised], join: [first.endpoints.peer ?? ''] })
    // Two voters: nothing is answered unless they reach each other.
    await post(first, 'kv/put', { key: base64('k'), value: base64('v') })
    expect(await post(second, 'cluster/member/list', {})).toMatchObject({
      members: expect.arrayContaining([
        expect.objectContaining({ name: 'b', peerURLs: [`http://${advertised}`] }),
      ]) as unknown,
    })
    expect(second.endpoints.peer).toBe(advertised)
    await Promise.all([second.close(), first.close()])
    relay.close()
  })

  test('goes on alone when that is forced, and only where it was before', async () => {
    await expect(start('a', { forceNewCluster: true })).rejects.toMatchObject({
      code: 'SERVER_STORE_UNAVAILABLE',
      reason: `--data-dir: ${join(directory, 'a')} holds no member that could go on alone`,
    })
    const a = await freeAddress()
    const b = await freeAddress()
    const initialCluster = new Map(
      Object.entries({ a: [formatListenAddress(a)], b: [formatListenAddress(b)] }),
    )
    const two = await Promise.all([
      start('a', { listen: a, initialCluster }),
      start('b', { listen: b, initialCluster }),
    ])
    await post(two[1], 'kv/put', { key: base64('k'), value: base64('v') })
    for (const server of two) await server.close()
    const alone = await start('a', { listen: a, initialCluster, forceNewCluster: true })
    expect(await post(alone, 'kv/range', { key: base64('k') })).toMatchObject({
      kvs: [{ value: base64('v') }],
    })
    expect(await post(alone, 'kv/put', { key: base64('k') })).toMatchObject({ header: {} })
    expect(await post(alone, 'cluster/member/list', {})).toMatchObject({ members: [{ name: 'a' }] })
  })

  test('is not opened on what a store of one process left, nor the reverse', async () => {
    await (await openStore({ directory: join(directory, 'a') })).close()
    await expect(start('a', {})).rejects.toMatchObject({
      code: 'SERVER_STORE_UNAVAILABLE',
      reason: `--data-dir: ${join(directory, 'a')} holds a store of one process: start it with --listen-peer off`,
    })
    await (await start('b', {})).close()
    await expect(start('b', undefined)).rejects.toMatchObject({
      code: 'SERVER_STORE_UNAVAILABLE',
      reason: `--data-dir: ${join(directory, 'b')} holds a member of a cluster: start it without --listen-peer off`,
    })
  })

  test('says which address is in use, and which file is missing', async () => {
    const occupant = createServer().listen(anyPort)
    await new Promise((resolve) => occupant.once('listening', resolve))
    const { port } = occupant.address() as AddressInfo
    await expect(start('a', { listen: { host: '127.0.0.1', port } })).rejects.toMatchObject({
      code: 'SERVER_LISTEN_FAILED',
      reason: `--listen-peer: 127.0.0.1:${String(port)} is already in use`,
    })
    await new Promise((resolve) => occupant.close(resolve))
    const tls = { certFile: join(directory, 'cert'), keyFile: directory, trustedCaFile: directory }
    await expect(start('a', { tls })).rejects.toMatchObject({
      code: 'SERVER_OPTION_INVALID',
      reason: expect.stringContaining('--peer-cert-file: ENOENT') as string,
    })
  })

  test('that waits for others stops waiting when it is closed', async () => {
    const initialCluster = new Map([
      ['a', ['127.0.0.1:1']],
      ['b', ['127.0.0.1:2']],
    ])
    const starting = start('a', { initialCluster })
    await expect.poll(() => servers[0]?.endpoints.peer).toBe('127.0.0.1:1')
    await servers[0]?.close()
    await expect(starting).rejects.toMatchObject({ name: 'ServerError' })
  })

  test('that leads lets another one lead before it ends', async () => {
    const names = ['a', 'b', 'c']
    const listens = new Map<string, HostAndPort>()
    for (const name of names) listens.set(name, await freeAddress())
    const initialCluster = new Map(
      Array.from(listens, ([name, listen]) => [name, [formatListenAddress(listen)]] as const),
    )
    const starting = Array.from(listens, ([name, listen]) => start(name, { listen, initialCluster }))
    const members = await Promise.all(starting)
    const [any] = members
    if (any === undefined) throw new Error('there is no member')
    const { leader: first } = (await post(any, 'maintenance/status', {})) as { leader: string }
    const idOf = async (server: ReferenceServer): Promise<string> => {
      const { header } = (await post(server, 'maintenance/status', {})) as { header: { member_id: string } }
      return header.member_id
    }
    const ids = await Promise.all(members.map(idOf))
    const old = members[ids.indexOf(first)]
    const rest = members.filter((server) => server !== old)
    await old?.close()
    for (const server of rest) {
      const { leader } = (await post(server, 'maintenance/status', {})) as { leader: string }
      expect(ids).toContain(leader)
      expect(leader).not.toBe(first)
    }
  })

  test('and another one find each other over mutual TLS', async () => {
    const authority = new Authority('the cluster')
    const { ca, cert, key } = authority.issue(['127.0.0.1'])
    const write = (name: string, pem: string | Uint8Array): string => {
      const path = join(directory, name)
      writeFileSync(path, pem)
      return path
    }
    const tls = {
      certFile: write('cert', cert),
      keyFile: write('key', key),
      trustedCaFile: write('ca', ca),
    }
    const a = await freeAddress()
    const b = await freeAddress()
    const initialCluster = new Map(
      Object.entries({ a: [formatListenAddress(a)], b: [formatListenAddress(b)] }),
    )
    const [first, second] = await Promise.all([
      start('a', { listen: a, initialCluster, tls }),
      start('b', { listen: b, initialCluster, tls }),
    ])
    await post(first, 'kv/put', { key: base64('k'), value: base64('v') })
    expect(await post(second, 'kv/range', { key: base64('k') })).toMatchObject({
      kvs: [{ value: base64('v') }],
    })
  })
})
