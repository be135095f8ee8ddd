import { hasCode } from '@orrery/environment'
import { failureOf } from '../http/failure.ts'
import { toInstanceInfo } from '../mapping.ts'
import type { RegistryView } from '../registry-view.ts'
import type { InstanceInfo } from '../wire/instance-info.ts'
import { requireRegistrable } from '../wire/registrable.ts'
import type { ReplicatedChange, ReplicationAnswer, ReplicationItem } from '../wire/replication.ts'
import type { Heartbeats, Renewal } from './heartbeats.ts'
import type { Registrations } from './registrations.ts'

/** What {@link Replication} works with. */
export interface ReplicationParts {
  readonly registrations: Registrations
  readonly heartbeats: Heartbeats
  readonly view: RegistryView
  /** Told of what is no fault of the peer. */
  readonly failed: (error: unknown) => void
}

const renewalCodes: Readonly<Record<Renewal, number>> = {
  ok: 200,
  unknown: 404,
  older: 409,
  unavailable: 503,
}

/** Does what peers have done. It goes no further: members of the registry share their state by the store. */
export class Replication {
  readonly #parts: ReplicationParts

  constructor(parts: ReplicationParts) {
    this.#parts = parts
  }

  /** Does the items of a batch, those of one instance in their order, and answers each at its place. */
  async run(namespace: string, items: readonly ReplicationItem[]): Promise<readonly ReplicationAnswer[]> {
    const answers = items.map((): ReplicationAnswer => ({ statusCode: 500 }))
    const lines = new Map<string, { item: ReplicationItem; position: number }[]>()
    for (const [position, item] of items.entries()) {
      const name = item.action === 'Unreadable' ? '' : `${item.appName.toUpperCase()}\n${item.id}`
      const line = lines.get(name)
      if (line === undefined) lines.set(name, [{ item, position }])
      else line.push({ item, position })
    }
    await Promise.all(
      [...lines.values()].map(async (line) => {
        for (const { item, position } of line) answers[position] = await this.#answer(namespace, item)
      }),
    )
    return answers
  }

  async #answer(namespace: string, item: ReplicationItem): Promise<ReplicationAnswer> {
    if (item.action === 'Unreadable') {
      return { statusCode: hasCode(item.error, 'EUREKA_BODY_TOO_LARGE') ? 413 : 400 }
    }
    try {
      return await this.#do(namespace, item)
    } catch (error) {
      const failure = failureOf(error)
      if (failure.isOurs) this.#parts.failed(error)
      return { statusCode: failure.statusCode }
    }
  }

  async #do(namespace: string, item: ReplicatedChange): Promise<ReplicationAnswer> {
    const { registrations, heartbeats } = this.#parts
    const { action, appName, id, instanceInfo, lastDirtyTimestamp, status } = item
    const key = heartbeats.locate(namespace, appName, id)
    switch (action) {
      case 'Register': {
        if (instanceInfo === undefined) return { statusCode: 400 }
        requireRegistrable(instanceInfo, appName)
        await registrations.register(namespace, instanceInfo)
        return { statusCode: 204 }
      }
      case 'Heartbeat': {
        const renewal = heartbeats.renew(key, { lastDirtyTimestamp, isReplicated: true })
        const statusCode = renewalCodes[renewal]
        return renewal === 'older'
          ? { statusCode, responseEntity: this.#known(namespace, item) }
          : { statusCode }
      }
      case 'Cancel':
        await registrations.cancel(key)
        return { statusCode: 200 }
      case 'StatusUpdate':
        await registrations.setStatus(key, { status, lastDirtyTimestamp })
        return { statusCode: 200 }
      case 'DeleteStatusOverride':
        await registrations.deleteOverride(key, { status, lastDirtyTimestamp })
        return { statusCode: 200 }
    }
  }

  #known(namespace: string, { appName, id }: ReplicatedChange): InstanceInfo | undefined {
    const shown = this.#parts.view.namespace(namespace)?.find(appName, id)
    return shown && toInstanceInfo(shown.instance, shown)
  }
}
