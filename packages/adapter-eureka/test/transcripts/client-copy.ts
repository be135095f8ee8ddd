/** An instance, as far as a client has to read it to keep its copy. */
export interface ReadInstance {
  readonly instanceId?: string
  readonly hostName: string
  readonly app: string
  readonly status: string
  readonly actionType?: string
  readonly dataCenterInfo?: { readonly metadata?: Readonly<Record<string, string>> }
}

/** A list, in either format. XML has no list where it is empty. */
export interface ReadList {
  readonly apps__hashcode: string
  readonly application?: readonly { readonly name: string; readonly instance: readonly ReadInstance[] }[]
}

/**
 * The copy of the registry that a client keeps by deltas, as the Java client does it, with the error that other
 * servers have stumbled over: of an application that it does not know yet, it takes all that the delta has, what is
 * gone included, and only then goes through the changes one by one.
 */
export class ClientCopy {
  #apps = new Map<string, Map<string, ReadInstance>>()

  replace({ application = [] }: ReadList): void {
    this.#apps = new Map(application.map(({ name, instance }) => [name, byId(instance)]))
  }

  apply({ application = [] }: ReadList): void {
    for (const { instance } of application) {
      for (const change of instance) this.#apply(change, instance)
    }
  }

  /** How many instances have which status, by the names of the statuses: `DOWN_1_UP_3_`. */
  hashCode(): string {
    const statuses = [...this.#apps.values()].flatMap((app) => [...app.values()].map(({ status }) => status))
    const counts = new Map<string, number>()
    for (const status of statuses.sort()) counts.set(status, (counts.get(status) ?? 0) + 1)
    return [...counts].map(([status, count]) => `${status}_${count}_`).join('')
  }

  /** `APP/id STATUS`, sorted: what the hash code cannot tell apart. */
  contents(): readonly string[] {
    const lines = [...this.#apps].flatMap(([name, app]) =>
      [...app].map(([id, { status }]) => `${name}/${id} ${status}`),
    )
    return lines.sort()
  }

  #apply(change: ReadInstance, others: readonly ReadInstance[]): void {
    const known = this.#apps.get(change.app)
    switch (change.actionType) {
      case 'ADDED':
      case 'MODIFIED': {
        const app = known ?? byId(others)
        this.#apps.set(change.app, app.set(idOf(change), change))
        return
      }
      case 'DELETED':
        known?.delete(idOf(change))
        if (known?.size === 0) this.#apps.delete(change.app)
        return
      default:
      // A client passes over what does not say what happened.
    }
  }
}

function byId(instances: readonly ReadInstance[]): Map<string, ReadInstance> {
  return new Map(instances.map((instance) => [idOf(instance), instance]))
}

function idOf({ instanceId, hostName, dataCenterInfo }: ReadInstance): string {
  return instanceId ?? dataCenterInfo?.metadata?.['instance-id'] ?? hostName
}
