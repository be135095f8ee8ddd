import type { AddressInfo } from 'node:net'
import { eurekaPlugin } from '@orrery/adapter-eureka'
import { createRegistry, type InstanceChange, type Registry } from '@orrery/registry'
import { openStore } from '@orrery/store'
import { fastify } from 'fastify'

/** A Eureka server in this process, with its data on disk. */
export interface EurekaServer extends AsyncDisposable {
  readonly registry: Registry
  readonly port: number
  /** Where clients are told that it is. */
  readonly url: string
}

/** How long something may take that happens soon. Unit: ms. */
const soonMs = 30_000

/** @param options `port` 0: any that is free */
export async function startEureka(options: {
  readonly directory: string
  readonly port: number
}): Promise<EurekaServer> {
  const store = await openStore({ directory: options.directory })
  const registry = createRegistry({ store })
  await registry.start()
  const app = fastify()
  await app.register(eurekaPlugin, { registry, evictAfterMs: 3_000 })
  await app.listen({ port: options.port, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return {
    registry,
    port,
    url: `http://127.0.0.1:${port}/eureka/v2/apps/`,
    [Symbol.asyncDispose]: async () => {
      await app.close()
      await registry.close()
      await store.close()
    },
  }
}

/** The next change of an instance that is looked for. @throws Error: there was none soon */
export async function nextChange(
  registry: Registry,
  isMeant: (change: InstanceChange) => boolean,
): Promise<InstanceChange> {
  return await new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(deadline)
      registry.events.off('changed', look)
    }
    const look = ({ instances }: { readonly instances: readonly InstanceChange[] }): void => {
      const change = instances.find(isMeant)
      if (change === undefined) return
      end()
      resolve(change)
    }
    const deadline = setTimeout(() => {
      end()
      reject(new Error('the registry did not change'))
    }, soonMs)
    registry.events.on('changed', look)
  })
}

/** Waits for what nobody announces. @throws Error: it did not come about soon */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const untilMs = performance.now() + soonMs
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error(`not so: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
