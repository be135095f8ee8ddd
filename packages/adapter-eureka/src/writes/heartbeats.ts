import type { HeartbeatAnswer, InstanceKey } from '@orrery/registry'
import { keptDirtyTimestamp, mustRegister } from '../extension.ts'
import { serviceOfApp } from '../mapping.ts'
import type { ResolvedEurekaOptions } from '../options.ts'
import type { RegistryView } from '../registry-view.ts'

/**
 * - `ok`: it lives
 * - `unknown`: it is to register, because it is not known or has changed since
 * - `older`: it lives, but whoever passes the heartbeat on knows less of it than is known here
 * - `unavailable`: another server may take it
 */
export type Renewal = 'ok' | 'unknown' | 'older' | 'unavailable'

/** What a heartbeat says of the instance besides that it lives. */
export interface RenewalClaims {
  /** Epoch, ms; undefined: it does not say. */
  readonly lastDirtyTimestamp: number | undefined
  /** It comes from a peer, not from the instance. */
  readonly isReplicated: boolean
}

/** Takes heartbeats. The hot path of the adapter: no list is touched, nothing is written. */
export class Heartbeats {
  readonly #registry: ResolvedEurekaOptions['registry']
  readonly #view: RegistryView

  constructor(registry: ResolvedEurekaOptions['registry'], view: RegistryView) {
    this.#registry = registry
    this.#view = view
  }

  /** Where an instance is in the registry, by what its clients call it. */
  locate(namespace: string, app: string, id: string): InstanceKey {
    const key = { namespace, service: serviceOfApp(app), id }
    if (this.#registry.instance(key) !== undefined) return key
    return this.#elsewhere(namespace, app, id) ?? key
  }

  /**
   * Source: Netflix Eureka, renewal: a client whose data is newer than what is known registers it.
   *
   * @param claims undefined: the heartbeat says nothing but that it lives
   */
  renew(key: InstanceKey, claims?: RenewalClaims): Renewal {
    const answer = this.#beat(key)
    if (answer !== 'ok') return answer
    // Hardly ever is there one, so that most heartbeats look nothing up.
    const hasForgetful = (this.#view.namespace(key.namespace)?.mustRegister ?? 0) > 0
    if (claims === undefined && !hasForgetful) return 'ok'
    return this.#verdict(key, claims)
  }

  #beat(key: InstanceKey): HeartbeatAnswer {
    const answer = this.#registry.heartbeat(key)
    if (answer !== 'unknown') return answer
    const elsewhere = this.#elsewhere(key.namespace, key.service, key.id)
    return elsewhere === undefined ? 'unknown' : this.#registry.heartbeat(elsewhere)
  }

  #verdict(key: InstanceKey, claims: RenewalClaims | undefined): Renewal {
    const instance = this.#registry.instance(this.locate(key.namespace, key.service, key.id))
    if (instance === undefined || mustRegister(instance)) return 'unknown'
    const known = keptDirtyTimestamp(instance)
    const claimed = claims?.lastDirtyTimestamp
    if (known === undefined || claimed === undefined || claimed === known) return 'ok'
    if (claimed > known) return 'unknown'
    return claims?.isReplicated === true ? 'older' : 'ok'
  }

  /** Services of other protocols may have upper case in their names. */
  #elsewhere(namespace: string, app: string, id: string): InstanceKey | undefined {
    const shown = this.#view.namespace(namespace)?.find(app, id)
    if (shown === undefined) return undefined
    const { service } = shown.instance
    return { namespace, service, id }
  }
}
