import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createRegistry, type Registry } from '@orrery/registry'
import { createMemoryStore, type Store } from '@orrery/store'
import { fastify } from 'fastify'
import { expect, test } from 'vitest'
import { createHttpHeartbeatPeers, registryApiPlugin } from '../src/index.ts'
import { settle, until } from './support.ts'

interface Member {
  readonly registry: Registry
  close(): Promise<void>
}

/** A registry that shares a store with others, and takes their heartbeats over HTTP. */
async function startMember(name: string, store: Store, environment: ManualEnvironment): Promise<Member> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const secret = { authorization: 'Bearer members' }
  const peers = createHttpHeartbeatPeers({ address, environment }, { headers: secret })
  const registry = createRegistry({
    store,
    environment,
    member: { name, heartbeats: { type: 'forwarded', peers } },
  })
  const app = fastify({ serverFactory: (handler) => server.on('request', handler) })
  app.addHook('onRequest', (request, _reply, done) => {
    const isMember = request.headers.authorization === secret.authorization
    done(isMember ? undefined : Object.assign(new Error('who are you?'), { statusCode: 401 }))
  })
  await app.register(registryApiPlugin, { registry, environment })
  await app.ready()
  await during(environment, registry.start())
  return {
    registry,
    close: async () => {
      await during(environment, registry.close())
      await peers.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Moves time until a promise has settled. */
async function during<T>(environment: ManualEnvironment, promise: Promise<T>): Promise<T> {
  let isOver = false
  const watched = promise.finally(() => (isOver = true))
  watched.catch(() => {})
  await until(() => {
    if (!isOver) environment.clock.advance(1)
    return isOver
  })
  return await watched
}

test('members forward heartbeats to each other over HTTP, to whoever judges the instance', async () => {
  const environment = createManualEnvironment()
  const store = createMemoryStore({ environment })
  const members = [await startMember('a', store, environment), await startMember('b', store, environment)]
  const [a, b] = members.map(({ registry }) => registry)
  if (a === undefined || b === undefined) throw new Error('there are two')

  const ids = Array.from({ length: 40 }, (_, index) => String(index))
  const key = (id: string) => ({ namespace: 'default', service: 'shop', id })
  const registered = ids.map((id) => a.register({ ...key(id), host: 'h', port: 1, ttlMs: 2_000 }))
  await during(environment, Promise.all(registered))
  await during(environment, b.reached(a.revision))
  expect(Math.min(a.stats().judged, b.stats().judged)).toBeGreaterThan(0)

  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      environment.clock.advance(50)
      await settle(15)
    }
  }
  // All of them go to one member, who judges a part of them.
  for (let beat = 0; beat < 12; beat++) {
    for (const id of ids) expect(b.heartbeat(key(id))).toBe('ok')
    await pass(500)
  }
  expect(b.instances({ healthy: true }).total).toBe(ids.length)
  expect(a.stats().healthChanges.expired + b.stats().healthChanges.expired).toBe(0)
  expect([...a.checkers(), ...b.checkers()].map(({ reachable }) => reachable)).toEqual(
    expect.arrayContaining([true, undefined]),
  )
  await pass(6_000)
  expect(b.instances({ healthy: false }).total).toBe(ids.length)

  for (const member of members) await member.close()
  await during(environment, store.close())
})
