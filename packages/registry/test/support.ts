import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import { createRegistry } from '../src/create-registry.ts'
import type { InstanceSpec } from '../src/model.ts'
import type { RegistryOptions } from '../src/options.ts'
import type { ChangeBatch, InstanceChange, Registry } from '../src/registry.ts'

/** A registry whose time a test moves. */
export interface ManualRegistry extends AsyncDisposable {
  readonly registry: Registry
  readonly store: Store
  readonly environment: ManualEnvironment
  /** Moves time in small steps, and lets everything happen that it leads to. */
  pass(ms: number): Promise<void>
  /** What happened to instances, the oldest first. */
  readonly changes: InstanceChange[]
}

/** Lets promises that are ready run. */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Settles a promise that needs the manual clock's deferred work. */
export async function during<T>(environment: ManualEnvironment, promise: Promise<T>): Promise<T> {
  let isOver = false
  const watched = promise.finally(() => (isOver = true))
  watched.catch(() => {})
  const runUntilOver = async (): Promise<void> => {
    for (let turn = 0; turn < 10_000; turn++) {
      environment.clock.runDeferred()
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (isOver) return
    }
  }
  await runUntilOver()
  return await watched
}

/** Creates and starts a registry on a store in memory, both on one manual clock. */
export async function startManualRegistry(options: RegistryOptions = {}): Promise<ManualRegistry> {
  const environment = createManualEnvironment()
  const store = createMemoryStore({ environment })
  const registry = createRegistry({ store, environment }, options)
  await during(environment, registry.start())
  const changes: InstanceChange[] = []
  registry.events.on('changed', (batch: ChangeBatch) => changes.push(...batch.instances))
  return {
    registry,
    store,
    environment,
    changes,
    pass: (ms) => passTime(environment, ms),
    [Symbol.asyncDispose]: async () => {
      await during(environment, registry.close())
      await during(environment, store.close())
    },
  }
}

/** Moves time in steps of 50 ms, as a host that is not stalled sees it. */
export async function passTime(environment: ManualEnvironment, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    environment.clock.advance(Math.min(50, ms - passed))
    await settle(3)
    environment.clock.runDeferred()
  }
  await settle(3)
}

/** An instance to register. */
export function spec(changes: Partial<InstanceSpec> = {}): InstanceSpec {
  return { namespace: 'default', service: 'shop', id: 'a', host: '10.0.0.1', port: 8080, ...changes }
}
