import { type Environment, hasCode, invariant, type LogFields, type Timer } from '@orrery/environment'
import { RegistryError } from './errors.ts'
import { withDeadline } from './leases/deadline.ts'
import { Backoff, isFinal, untilDone } from './leases/retry.ts'
import type { Instance, InstanceSpec } from './model.ts'
import type { CallOptions, HeartbeatAnswer, Registry } from './registry.ts'

/** What a {@link SelfInstance} needs. */
export interface SelfInstanceDeps {
  readonly registry: Pick<Registry, 'register' | 'heartbeat' | 'deregister'>
  readonly environment: Environment
}

/** What it is registered with. */
export interface SelfInstanceSpec extends InstanceSpec {
  readonly ttlMs: number
  readonly heartbeatIntervalMs: number
}

/** One instance that this process registers, keeps alive, and takes away. */
export class SelfInstance {
  readonly #deps: SelfInstanceDeps
  readonly #spec: SelfInstanceSpec
  readonly #ending = new AbortController()
  readonly #backoff: Backoff
  #instance: Instance | undefined
  #timer: Timer | undefined

  constructor(deps: SelfInstanceDeps, spec: SelfInstanceSpec) {
    this.#deps = deps
    this.#spec = spec
    const { heartbeatIntervalMs } = spec
    this.#backoff = new Backoff(deps.environment.random, {
      minMs: heartbeatIntervalMs / 10,
      maxMs: heartbeatIntervalMs,
    })
  }

  /** What it is called in the log: before it is registered, it has no id. */
  get logFields(): LogFields {
    const { namespace, service, host, port } = this.#spec
    return { namespace, service, host, port }
  }

  /** As it was registered last. */
  get instance(): Instance {
    invariant(this.#instance !== undefined, 'it was registered before anybody asks for it')
    return this.#instance
  }

  /** Registers it. @throws what `registry.register` throws */
  async register(options: CallOptions = {}): Promise<void> {
    this.#instance = await this.#deps.registry.register(this.#spec, options)
  }

  /** Sends heartbeats from now on. */
  begin(): void {
    this.#beatIn(this.#spec.heartbeatIntervalMs)
  }

  /** Sends no more heartbeats, and deregisters it, if it ever was registered. @throws what `registry.deregister` throws */
  async end({ signal }: CallOptions = {}): Promise<void> {
    this.#timer?.cancel()
    this.#ending.abort(new RegistryError('REGISTRY_CLOSED', 'the instance is to be deregistered'))
    if (this.#instance === undefined) return
    const { namespace, service, id } = this.#instance
    try {
      await this.#deps.registry.deregister({ namespace, service, id }, { signal })
    } catch (error) {
      if (!hasCode(error, 'REGISTRY_INSTANCE_NOT_FOUND')) throw error
    }
  }

  #beatIn(delayMs: number): void {
    if (this.#ending.signal.aborted) return
    this.#timer = this.#deps.environment.clock.setTimer(delayMs, () => this.#beat())
  }

  #beat(): void {
    const answer = this.#ask()
    switch (answer) {
      case 'ok':
        this.#backoff.reset()
        this.#beatIn(this.#spec.heartbeatIntervalMs)
        break
      case 'unavailable':
        this.#beatIn(this.#backoff.nextMs())
        break
      case 'unknown':
        void this.#registerAgain()
        break
    }
  }

  #ask(): HeartbeatAnswer {
    const { namespace, service, id } = this.instance
    try {
      return this.#deps.registry.heartbeat({ namespace, service, id })
    } catch (error) {
      this.#log('warn', 'an own instance could not send a heartbeat', error)
      return 'unavailable'
    }
  }

  async #registerAgain(): Promise<void> {
    const { environment } = this.#deps
    const { signal } = this.#ending
    this.#log('warn', 'the registry does not know an own instance any more, registers again')
    try {
      await untilDone(
        {
          environment,
          signal,
          failure: 'an own instance could not be registered again',
          isFinal: (error) => isFinal(error) || hasCode(error, 'REGISTRY_CLOSED'),
        },
        // One that hangs is given up. If it works after all, it has done no harm.
        () =>
          withDeadline({ clock: environment.clock, maxMs: this.#spec.ttlMs, signal }, (callSignal) =>
            this.register({ signal: callSignal }),
          ),
      )
      this.#beatIn(this.#spec.heartbeatIntervalMs)
    } catch (error) {
      if (!signal.aborted) this.#log('error', 'an own instance stays unregistered', error)
    }
  }

  #log(level: 'warn' | 'error', message: string, error?: unknown): void {
    const fields = error === undefined ? this.logFields : { ...this.logFields, error }
    this.#deps.environment.logger[level](message, fields)
  }
}
