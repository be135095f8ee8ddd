import { hasCode } from '@orrery/environment'
import { type Instance, type InstanceChanges, type InstanceKey, RegistryError } from '@orrery/registry'
import {
  type EurekaExtension,
  extensionName,
  extensionOf,
  keptDirtyTimestamp,
  mustRegister,
  toExtensionJson,
} from '../extension.ts'
import { keyOfInfo, toInstanceSpec, zoneOf } from '../mapping.ts'
import type { ResolvedEurekaOptions } from '../options.ts'
import { healthOf, isIsolatedElsewhere, overrideOf } from '../status.ts'
import type { InstanceInfo, InstanceStatus } from '../wire/instance-info.ts'

/** How often a registration is decided anew because somebody else was faster. */
const attemptsMax = 16

/** A status that somebody sets, or takes back. */
export interface StatusChange {
  /** Undefined: what it is now is not said. */
  readonly status: InstanceStatus | undefined
  /** Of the instance as the peer knows it who passes the change on. Epoch, ms. */
  readonly lastDirtyTimestamp: number | undefined
}

/** What {@link Registrations} works with; see the options of the plugin. */
export type RegistrationsParts = Pick<
  ResolvedEurekaOptions,
  'registry' | 'environment' | 'leaseDurationFactor' | 'evictAfterMs'
>

/** What clients of Eureka write, by the rules of Eureka. Failures of the registry come through. */
export class Registrations {
  readonly #parts: RegistrationsParts

  constructor(parts: RegistrationsParts) {
    this.#parts = parts
  }

  /**
   * Registers an instance, or renews one that is newer here than what is given.
   *
   * Source: Netflix Eureka, registration: the later lastDirtyTimestamp wins.
   */
  async register(namespace: string, info: InstanceInfo): Promise<void> {
    const { registry, environment, leaseDurationFactor, evictAfterMs } = this.#parts
    const key = keyOfInfo(namespace, info)
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const current = registry.instance(key)
      if (current !== undefined && isNewer(current, info) && this.#renew(key)) return
      const wallMs = environment.clock.wallMs()
      const spec = toInstanceSpec(info, { namespace, current, wallMs, leaseDurationFactor, evictAfterMs })
      try {
        await registry.register(spec, { ifRevision: current?.revision ?? 0 })
        return
      } catch (error) {
        if (!hasCode(error, 'REGISTRY_CONFLICT')) throw error
        // Somebody was faster, and it is decided on what he made of it.
        await registry.discoverLinearizable(key)
      }
    }
    throw new RegistryError('REGISTRY_OVERLOADED', `others changed ${key.id} ${attemptsMax} times meanwhile`)
  }

  /** Sets an override, and renews. */
  async setStatus(key: InstanceKey, { status = 'UNKNOWN', lastDirtyTimestamp }: StatusChange): Promise<void> {
    if (status === 'UNKNOWN') {
      await this.deleteOverride(key, { status: undefined, lastDirtyTimestamp })
      return
    }
    await this.#change(
      key,
      (current, extension) => {
        if (extension === undefined) return {}
        const isSame = extension.overriddenStatus === status && extension.status === status
        if (isSame && current.isolated === healthOf(status).isolated) return undefined
        return this.#newStatus(extension, {
          status,
          override: status,
          lastDirtyTimestamp,
          mustRegister: false,
        })
      },
      status,
    )
    this.#renew(key)
  }

  /**
   * Takes an override back. Without a word on what it is now, the instance is `UNKNOWN` until it registers again, which its next
   * heartbeat makes it do. Does nothing when there is no override.
   */
  async deleteOverride(key: InstanceKey, { status, lastDirtyTimestamp }: StatusChange): Promise<void> {
    const next = status ?? 'UNKNOWN'
    await this.#change(
      key,
      (current, extension) => {
        // Of another protocol: isolation is the override that it knows.
        if (extension === undefined) return current.isolated ? {} : undefined
        const override = overrideOf(current, extension)
        if (override === 'UNKNOWN' && !isIsolatedElsewhere(current, extension)) return undefined
        return this.#newStatus(extension, {
          status: next,
          override: 'UNKNOWN',
          lastDirtyTimestamp,
          mustRegister: next === 'UNKNOWN',
        })
      },
      next,
    )
  }

  /** Adds entries to the metadata, or replaces them. */
  async setMetadata(key: InstanceKey, entries: Readonly<Record<string, string>>): Promise<void> {
    const lastUpdatedTimestamp = this.#parts.environment.clock.wallMs()
    await this.#parts.registry.update(key, (current) => {
      const metadata = { ...current.metadata, ...entries }
      const extension = extensionOf(current)
      if (extension === undefined) return { metadata }
      return {
        metadata,
        location: { zone: zoneOf(metadata) },
        extensions: { [extensionName]: toExtensionJson({ ...extension, lastUpdatedTimestamp }) },
      }
    })
  }

  async cancel(key: InstanceKey): Promise<void> {
    await this.#parts.registry.deregister(key)
  }

  /** @param decide gives what Eureka keeps; `{}`: nothing; undefined: nothing changes */
  async #change(
    key: InstanceKey,
    decide: (
      current: Instance,
      extension: EurekaExtension | undefined,
    ) => Pick<InstanceChanges, 'extensions'> | undefined,
    status: InstanceStatus,
  ): Promise<void> {
    await this.#parts.registry.update(key, (current) => {
      const extension = extensionOf(current)
      const changes = decide(current, extension)
      if (changes === undefined) return undefined
      // What another protocol says of its health stays, when nothing is said of what it is now.
      if (extension === undefined && status === 'UNKNOWN') return { ...changes, isolated: false }
      return { ...changes, ...healthOf(status) }
    })
  }

  #newStatus(
    extension: EurekaExtension,
    change: {
      readonly status: InstanceStatus
      readonly override: InstanceStatus
      readonly lastDirtyTimestamp: number | undefined
      readonly mustRegister: boolean
    },
  ): Pick<InstanceChanges, 'extensions'> {
    const { status, override: overriddenStatus } = change
    const wallMs = this.#parts.environment.clock.wallMs()
    const { serviceUpTimestamp } = extension
    const changed: EurekaExtension = {
      ...extension,
      status,
      overriddenStatus,
      mustRegister: change.mustRegister,
      serviceUpTimestamp: serviceUpTimestamp === 0 && status === 'UP' ? wallMs : serviceUpTimestamp,
      lastUpdatedTimestamp: wallMs,
      lastDirtyTimestamp: Math.max(extension.lastDirtyTimestamp, change.lastDirtyTimestamp ?? 0),
    }
    return { extensions: { [extensionName]: toExtensionJson(changed) } }
  }

  /** @returns whether there was something to renew */
  #renew(key: InstanceKey): boolean {
    const answer = this.#parts.registry.heartbeat(key)
    if (answer === 'unavailable') {
      throw new RegistryError('REGISTRY_UNAVAILABLE', 'heartbeats cannot be vouched for now')
    }
    return answer === 'ok'
  }
}

/** Without a timestamp, a registration is of now. One that was asked for is taken, whatever its timestamp. */
function isNewer(current: Instance, { lastDirtyTimestamp }: InstanceInfo): boolean {
  if (mustRegister(current)) return false
  const known = keptDirtyTimestamp(current)
  return known !== undefined && lastDirtyTimestamp > 0 && known > lastDirtyTimestamp
}
