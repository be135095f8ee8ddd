import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RegistryError } from '../src/errors.ts'
import type { Instance, InstanceKey, InstanceSpec } from '../src/model.ts'
import type { HeartbeatAnswer } from '../src/registry.ts'
import {
  registerSelf,
  type SelfRegistration,
  type SelfRegistrationOptions,
} from '../src/self-registration.ts'
import { hang } from './faulty-store.ts'
import { createVirtualTime, errorOf, type VirtualTime } from './virtual-time.ts'

const http = { service: 'orrery-server', host: '10.0.0.1', port: 8090, protocol: 'http' }
const grpc = { ...http, port: 8091, protocol: 'grpc', version: '1.2.3', metadata: { build: 'abc' } }

let time: VirtualTime
let registry: FakeRegistry
let open: SelfRegistration[]

beforeEach(() => {
  time = createVirtualTime()
  registry = new FakeRegistry()
  open = []
})

afterEach(async () => {
  await time.until(Promise.all(open.map((self) => self.close())))
})

/** What a registry knows, without one. */
class FakeRegistry {
  readonly specs: InstanceSpec[] = []
  readonly known = new Map<string, Instance>()
  readonly beats: { readonly id: string; readonly atMs: number }[] = []
  readonly deregistered: string[] = []
  answer: HeartbeatAnswer | Error | undefined
  onRegister: ((spec: InstanceSpec) => Promise<unknown>) | undefined
  onDeregister: ((key: InstanceKey) => Promise<unknown>) | undefined

  async register(spec: InstanceSpec): Promise<Instance> {
    this.specs.push(spec)
    await this.onRegister?.(spec)
    const instance = { ...spec, id: `${spec.host}:${spec.port}` } as unknown as Instance
    this.known.set(instance.id, instance)
    return instance
  }

  heartbeat({ id }: InstanceKey): HeartbeatAnswer {
    this.beats.push({ id, atMs: time.environment.clock.nowMs() })
    if (this.answer instanceof Error) throw this.answer
    return this.answer ?? (this.known.has(id) ? 'ok' : 'unknown')
  }

  async deregister(key: InstanceKey): Promise<{ readonly revision: number }> {
    this.deregistered.push(key.id)
    await this.onDeregister?.(key)
    if (!this.known.delete(key.id)) throw new RegistryError('REGISTRY_INSTANCE_NOT_FOUND', key.id)
    return { revision: 1 }
  }
}

async function register(
  services: Parameters<typeof registerSelf>[1] = [http, grpc],
  options: SelfRegistrationOptions = {},
): Promise<SelfRegistration> {
  const self = await time.until(registerSelf({ registry, environment: time.environment }, services, options))
  open.push(self)
  return self
}

const linesOf = (level: string): string[] =>
  time.environment.logger.lines.filter((line) => line.level === level).map(({ message }) => message)

describe('registering a host', () => {
  test('registers each service with a time to live, in the namespace of the system', async () => {
    const self = await register([http, { ...grpc, namespace: 'other' }])
    const beats = { ttlMs: 15_000, heartbeatIntervalMs: 5_000 }
    expect(registry.specs).toEqual([
      { ...http, namespace: 'orrery', ...beats },
      { ...grpc, namespace: 'other', ...beats },
    ])
    expect(self.instances.map(({ id }) => id)).toEqual(['10.0.0.1:8090', '10.0.0.1:8091'])
  })

  test('says nothing of isolation unless it is told, so that what an operator set stays', async () => {
    await register([http])
    await register([http], { isolated: true })
    expect(registry.specs.map(({ isolated }) => isolated)).toEqual([undefined, true])
  })

  test('takes back what is registered when one is refused', async () => {
    const refused = new RegistryError('REGISTRY_INVALID', 'port')
    registry.onRegister = ({ port }) => (port === grpc.port ? Promise.reject(refused) : Promise.resolve())
    const work = registerSelf({ registry, environment: time.environment }, [http, grpc])
    expect(await time.until(errorOf(work))).toBe(refused)
    expect(registry.known.size).toBe(0)
    expect(time.pending()).toBe(0)
  })

  test('refuses an interval that is not shorter than the time to live', async () => {
    for (const options of [{ ttlMs: 5_000 }, { ttlMs: 999 }, { heartbeatIntervalMs: 0 }]) {
      const work = registerSelf({ registry, environment: time.environment }, [http], options)
      expect(await errorOf(work)).toMatchObject({ code: 'REGISTRY_OPTION_INVALID' })
    }
    expect(registry.specs).toEqual([])
  })
})

describe('a host that is registered', () => {
  test('sends heartbeats at its interval', async () => {
    await register([http], { ttlMs: 3_000, heartbeatIntervalMs: 1_000 })
    await time.pass(3_500)
    expect(registry.beats.map(({ atMs }) => atMs)).toEqual([1_000, 2_000, 3_000])
  })

  test('registers again what is not known any more, and that only', async () => {
    const self = await register()
    registry.known.delete('10.0.0.1:8091')
    await time.pass(5_000)
    expect(registry.specs.map(({ port }) => port)).toEqual([8090, 8091, 8091])
    expect(registry.known.has('10.0.0.1:8091')).toBe(true)
    await time.pass(5_000)
    expect(registry.specs).toHaveLength(3)
    expect(registry.beats).toHaveLength(4)
    expect(self.instances).toHaveLength(2)
  })

  test('goes on trying to register again, with pauses', async () => {
    await register([http])
    registry.known.clear()
    registry.onRegister = () => {
      if (registry.specs.length > 4) return Promise.resolve()
      return registry.specs.length === 2
        ? hang()
        : Promise.reject(new RegistryError('REGISTRY_OVERLOADED', 'full'))
    }
    await time.pass(30_000)
    expect(registry.specs).toHaveLength(5)
    expect(registry.known.size).toBe(1)
    expect(registry.beats.at(-1)?.atMs).toBeGreaterThan(20_000)
  })

  test('asks again sooner when the answer is that nobody can vouch for the heartbeat', async () => {
    await register([http])
    registry.answer = 'unavailable'
    await time.pass(5_600)
    expect(registry.beats.length).toBeGreaterThanOrEqual(2)
    await time.pass(60_000)
    const many = registry.beats.length
    expect(many).toBeLessThan(40)
    registry.answer = undefined
    await time.pass(5_000)
    registry.beats.length = 0
    await time.pass(20_000)
    expect(registry.beats).toHaveLength(4)
    registry.answer = 'unavailable'
    await time.pass(5_600)
    // It worked in between: soon again.
    const [first, second] = registry.beats.slice(4).map(({ atMs }) => atMs)
    expect((second ?? Infinity) - (first ?? 0)).toBeLessThanOrEqual(510)
  })

  test('survives a registry that throws', async () => {
    await register([http])
    registry.answer = new RegistryError('REGISTRY_NOT_READY', 'starting')
    await time.pass(10_000)
    registry.answer = undefined
    registry.known.clear()
    await time.pass(10_000)
    expect(registry.known.size).toBe(1)
    expect(linesOf('warn')).toContain('an own instance could not send a heartbeat')
  })

  test('stops when the registry is closed', async () => {
    const before = time.pending()
    await register([http])
    registry.known.clear()
    registry.onRegister = () => Promise.reject(new RegistryError('REGISTRY_CLOSED', 'closed'))
    await time.pass(20_000)
    expect(registry.specs).toHaveLength(2)
    expect(linesOf('error')).toEqual(['an own instance stays unregistered'])
    expect(time.pending()).toBe(before)
  })
})

describe('closing', () => {
  test('deregisters everything once, and leaves nothing behind', async () => {
    const self = await register()
    await time.until(Promise.all([self.close(), self.close(), self[Symbol.asyncDispose]()]))
    expect(registry.deregistered).toEqual(['10.0.0.1:8090', '10.0.0.1:8091'])
    expect(registry.known.size).toBe(0)
    await time.pass(60_000)
    expect(registry.beats).toEqual([])
    expect(time.pending()).toBe(0)
    expect(linesOf('warn')).toEqual([])
  })

  test('takes what is not there for gone', async () => {
    const self = await register()
    registry.known.clear()
    await time.until(self.close())
    expect(linesOf('warn')).toEqual([])
  })

  test('logs what fails, and does not wait for ever', async () => {
    const self = await register()
    registry.onDeregister = ({ id }) =>
      id.endsWith('8090') ? hang() : Promise.reject(new RegistryError('REGISTRY_OVERLOADED', 'full'))
    const begunMs = time.environment.clock.nowMs()
    await time.until(self.close())
    expect(time.environment.clock.nowMs() - begunMs).toBeLessThanOrEqual(5_010)
    expect(linesOf('warn')).toHaveLength(2)
    expect(time.pending()).toBe(0)
  })

  test('ends a registration in progress, and deregisters what may come of it', async () => {
    const self = await register([http])
    registry.known.clear()
    registry.onRegister = hang
    await time.pass(5_000)
    expect(registry.specs).toHaveLength(2)
    await time.until(self.close())
    expect(registry.deregistered).toEqual(['10.0.0.1:8090'])
    await time.pass(60_000)
    expect(registry.specs).toHaveLength(2)
    expect(time.pending()).toBe(0)
  })
})
