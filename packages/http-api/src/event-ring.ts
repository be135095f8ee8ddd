import type { Clock } from '@orrery/environment'
import type {
  ChangeBatch,
  HealthReason,
  Instance,
  InstanceChange,
  Registry,
  RemovalReason,
} from '@orrery/registry'

/** A change of health, or a removal. */
export interface InstanceEvent {
  readonly type: 'healthChanged' | 'removed'
  /** When health changed, or when this member learned of the removal. Unit: ms since 1970. */
  readonly timeMs: number
  /** Of the store. */
  readonly revision: number
  /** The member that tells. Empty: it has no name. */
  readonly member: string
  readonly namespace: string
  readonly service: string
  readonly id: string
  readonly host: string
  readonly port: number
  readonly healthy: boolean
  readonly reason: HealthReason | RemovalReason
}

/** Which events are wanted; all that is given has to fit. */
export interface EventFilter {
  readonly namespace?: string | undefined
  readonly service?: string | undefined
  readonly id?: string | undefined
}

/** The last changes of health and removals that a registry told of. */
export class EventRing {
  readonly #registry: Pick<Registry, 'events' | 'checkers'>
  readonly #clock: Clock
  readonly #eventsMax: number
  readonly #events: InstanceEvent[] = []
  /** Where the next event goes once the ring is full. */
  #next = 0

  /** Listens from now on, until it is closed. */
  constructor(
    { registry, clock }: { readonly registry: Pick<Registry, 'events' | 'checkers'>; readonly clock: Clock },
    eventsMax: number,
  ) {
    this.#registry = registry
    this.#clock = clock
    this.#eventsMax = eventsMax
    if (eventsMax > 0) registry.events.on('changed', this.#onChanged)
  }

  /** The newest first. */
  latest(filter: EventFilter, limit: number): readonly InstanceEvent[] {
    const found: InstanceEvent[] = []
    const count = this.#events.length
    for (let back = 1; back <= count && found.length < limit; back++) {
      const event = this.#events[(this.#next - back + count) % count]
      if (event !== undefined && fits(event, filter)) found.push(event)
    }
    return found
  }

  close(): void {
    this.#registry.events.off('changed', this.#onChanged)
  }

  readonly #onChanged = (batch: ChangeBatch): void => {
    let member: string | undefined
    for (const change of batch.instances) {
      const reason = reasonOf(change)
      if (reason === undefined) continue
      member ??= this.#registry.checkers().find(({ self }) => self)?.name ?? ''
      const timeMs = change.type === 'removed' ? this.#clock.wallMs() : change.instance.healthChangedMs
      this.#push({
        type: change.type === 'removed' ? 'removed' : 'healthChanged',
        timeMs,
        revision: batch.revision,
        member,
        ...subjectOf(change.instance),
        reason,
      })
    }
  }

  #push(event: InstanceEvent): void {
    this.#events[this.#next] = event
    this.#next = (this.#next + 1) % this.#eventsMax
  }
}

/** Undefined: it is neither a change of health nor a removal. */
function reasonOf(change: InstanceChange): HealthReason | RemovalReason | undefined {
  if (change.type === 'removed') return change.reason
  return change.type === 'healthChanged' ? change.instance.healthReason : undefined
}

function subjectOf({
  namespace,
  service,
  id,
  host,
  port,
  healthy,
}: Instance): Pick<InstanceEvent, 'namespace' | 'service' | 'id' | 'host' | 'port' | 'healthy'> {
  return { namespace, service, id, host, port, healthy }
}

function fits(event: InstanceEvent, { namespace, service, id }: EventFilter): boolean {
  return (
    (namespace === undefined || event.namespace === namespace) &&
    (service === undefined || event.service === service) &&
    (id === undefined || event.id === id)
  )
}
