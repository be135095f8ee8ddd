import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { RegistryError } from './errors.ts'
import { withDeadline } from './leases/deadline.ts'
import type { Instance, Metadata } from './model.ts'
import type { CallOptions, Registry } from './registry.ts'
import { SelfInstance } from './self-instance.ts'

/** What {@link registerSelf} needs. */
export interface SelfRegistrationDeps {
  readonly registry: Pick<Registry, 'register' | 'heartbeat' | 'deregister'>
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment | undefined
}

/** A service that the host itself offers. */
export interface SelfService {
  /** @defaultValue `orrery` */
  readonly namespace?: string | undefined
  readonly service: string
  /** See {@link probeHost}. */
  readonly host: string
  readonly port: number
  readonly protocol: string
  readonly version?: string | undefined
  readonly metadata?: Metadata | undefined
}

/** How a host's own services are registered. */
export interface SelfRegistrationOptions extends CallOptions {
  /** How long an instance goes without a heartbeat. Unit: ms, from 1 000 to 86 400 000. @defaultValue `15_000` */
  readonly ttlMs?: number | undefined
  /** Unit: ms, above 0 and less than `ttlMs`. @defaultValue `5_000` */
  readonly heartbeatIntervalMs?: number | undefined
  /** Registers them out of traffic, or back in. @defaultValue as they were, in traffic when they are new */
  readonly isolated?: boolean | undefined
}

/** What {@link registerSelf} uses when its options do not say otherwise. */
export const selfRegistrationDefaults = {
  namespace: 'orrery',
  ttlMs: 15_000,
  heartbeatIntervalMs: 5_000,
} as const

/** A host's own services, kept alive. */
export interface SelfRegistration extends AsyncDisposable {
  /** As they were registered last, in the order in which they were given. */
  readonly instances: readonly Instance[]
  /**
   * Sends no more heartbeats, and deregisters. Never rejects: what fails is logged, and takes 5 s at most. Safe to call
   * twice.
   */
  close(): Promise<void>
}

/** What cannot be deregistered by then expires. Unit: ms. */
const closeMaxMs = 5_000

/**
 * Registers what a host itself offers, and sends heartbeats for it until it is closed. The heartbeats come from this event
 * loop, on purpose: a host that hangs must not look healthy. An instance that the registry forgot, or that somebody took
 * away, is registered again.
 *
 * Either all are registered or none: when one is refused, the others are taken back.
 *
 * @throws RegistryError `REGISTRY_OPTION_INVALID`; what `registry.register` throws; `options.signal.reason`
 */
export async function registerSelf(
  { registry, environment = systemEnvironment() }: SelfRegistrationDeps,
  services: readonly SelfService[],
  options: SelfRegistrationOptions = {},
): Promise<SelfRegistration> {
  const { ttlMs = selfRegistrationDefaults.ttlMs } = options
  const { heartbeatIntervalMs = selfRegistrationDefaults.heartbeatIntervalMs } = options
  if (!(ttlMs >= 1_000 && ttlMs <= 86_400_000)) {
    throw new RegistryError('REGISTRY_OPTION_INVALID', `ttlMs is from 1000 to 86400000, got ${ttlMs}`)
  }
  if (!(heartbeatIntervalMs > 0 && heartbeatIntervalMs < ttlMs)) {
    throw new RegistryError(
      'REGISTRY_OPTION_INVALID',
      `heartbeatIntervalMs is above 0 and less than ttlMs, ${ttlMs}, got ${heartbeatIntervalMs}`,
    )
  }
  const own = services.map(
    ({ namespace = selfRegistrationDefaults.namespace, ...service }) =>
      new SelfInstance(
        { registry, environment },
        { ...service, namespace, ttlMs, heartbeatIntervalMs, isolated: options.isolated },
      ),
  )
  const registration = new KeptSelfRegistration(environment, own)
  await registration.start(options)
  return registration
}

class KeptSelfRegistration implements SelfRegistration {
  readonly #environment: Environment
  readonly #own: readonly SelfInstance[]
  #closed: Promise<void> | undefined

  constructor(environment: Environment, own: readonly SelfInstance[]) {
    this.#environment = environment
    this.#own = own
  }

  get instances(): readonly Instance[] {
    return this.#own.map(({ instance }) => instance)
  }

  async start({ signal }: CallOptions): Promise<void> {
    const registering = await Promise.allSettled(this.#own.map((one) => one.register({ signal })))
    const refused = registering.find(({ status }) => status === 'rejected')
    if (refused?.status === 'rejected') {
      await this.close()
      throw refused.reason
    }
    for (const one of this.#own) one.begin()
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { clock, logger } = this.#environment
    const ending = this.#own.map(async (one) => {
      try {
        await withDeadline({ clock, maxMs: closeMaxMs }, (signal) => one.end({ signal }))
      } catch (error) {
        logger.warn('an own instance could not be deregistered, it expires', { ...one.logFields, error })
      }
    })
    await Promise.all(ending)
  }
}
