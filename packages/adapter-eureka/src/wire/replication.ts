import { hasCode } from '@orrery/environment'
import type { EurekaError } from '../errors.ts'
import { FieldReader, type Fields, isFields } from './field-reader.ts'
import type { InstanceInfo, InstanceStatus } from './instance-info.ts'
import { readInstanceFields } from './instance-reader.ts'
import { writeInstanceJson } from './json-writer.ts'
import { wireLimits } from './limits.ts'
import { refuseBody, refuseSize } from './refuse.ts'

/** What a peer has done to an instance, and wants done here. */
export const replicationActions = [
  'Heartbeat',
  'Register',
  'Cancel',
  'StatusUpdate',
  'DeleteStatusOverride',
] as const

/** One of {@link replicationActions}. */
export type ReplicationAction = (typeof replicationActions)[number]

/** One thing that a peer has done. */
export interface ReplicatedChange {
  readonly action: ReplicationAction
  readonly appName: string
  readonly id: string
  /** Epoch, ms. */
  readonly lastDirtyTimestamp: number | undefined
  readonly status: InstanceStatus | undefined
  readonly overriddenStatus: InstanceStatus | undefined
  /** Of `Register` always, of `Heartbeat` when the peer sends what it has along. */
  readonly instanceInfo: InstanceInfo | undefined
}

/** An item that cannot be read. It is to be answered with 400; the others of its batch are none the worse for it. */
export interface UnreadableItem {
  readonly action: 'Unreadable'
  /** `EUREKA_BODY_INVALID` or `EUREKA_BODY_TOO_LARGE` */
  readonly error: EurekaError
}

/** An item of a batch between peers. */
export type ReplicationItem = ReplicatedChange | UnreadableItem

/** What became of an item. */
export interface ReplicationAnswer {
  readonly statusCode: number
  /** What is newer here, with a 409. */
  readonly responseEntity?: InstanceInfo | undefined
}

/**
 * Reads a batch, parsed by `JSON.parse`: the object with `replicationList`, an array or a single item. Peers send JSON
 * only. An item that cannot be read is one of the list, so that answers keep their places.
 *
 * Source: Netflix Eureka, peerreplication/batch.
 *
 * @throws EurekaError `EUREKA_BODY_INVALID`: it is no batch; `EUREKA_BODY_TOO_LARGE`: more items than
 * `wireLimits.replicationMaxItems`
 */
export function readReplicationList(body: unknown): readonly ReplicationItem[] {
  if (!isFields(body)) refuseBody('body', 'is not an object')
  const given = body['replicationList']
  const list: unknown = isFields(given) ? [given] : given
  if (!Array.isArray(list)) refuseBody('replicationList', 'is not an array')
  const { replicationMaxItems } = wireLimits
  if (list.length > replicationMaxItems) {
    refuseSize('replicationList', `has ${list.length} items, at most ${replicationMaxItems}`)
  }
  return list.map(readItem)
}

/** The answer to a batch: one for each item, in their order. */
export function writeReplicationResponse(list: readonly ReplicationAnswer[]): string {
  const answers = list.map(({ statusCode, responseEntity }) =>
    responseEntity === undefined
      ? `{"statusCode":${statusCode}}`
      : `{"statusCode":${statusCode},"responseEntity":${writeInstanceJson(responseEntity)}}`,
  )
  return `{"responseList":[${answers.join(',')}]}`
}

function readItem(value: unknown): ReplicationItem {
  try {
    return readChange(
      isFields(value) ? value : refuseBody('replicationList', 'has an item that is not an object'),
    )
  } catch (error) {
    if (isRefusal(error)) return { action: 'Unreadable', error }
    throw error
  }
}

function isRefusal(error: unknown): error is EurekaError {
  return hasCode(error, 'EUREKA_BODY_INVALID', 'EUREKA_BODY_TOO_LARGE')
}

function readChange(fields: Fields): ReplicatedChange {
  const reader = new FieldReader()
  const action = replicationActions.find((known) => known === fields['action'])
  if (action === undefined) refuseBody('action', `is one of ${replicationActions.join(', ')}`)
  const { instanceInfo: info } = fields
  const instanceInfo =
    info === undefined || info === null
      ? undefined
      : readInstanceFields(isFields(info) ? info : refuseBody('instanceInfo', 'is not an object'))
  if (action === 'Register' && instanceInfo === undefined) refuseBody('instanceInfo', 'is missing')
  const status = (key: 'status' | 'overriddenStatus') =>
    fields[key] === undefined || fields[key] === null ? undefined : reader.status(fields[key], key, 'UNKNOWN')
  const dirty = reader.integer(fields['lastDirtyTimestamp'], 'lastDirtyTimestamp', {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    absent: -1,
  })
  return {
    action,
    appName: required(reader.name(fields['appName'], 'appName'), 'appName'),
    id: required(reader.name(fields['id'], 'id'), 'id'),
    lastDirtyTimestamp: dirty < 0 ? undefined : dirty,
    status: status('status'),
    overriddenStatus: status('overriddenStatus'),
    instanceInfo,
  }
}

function required(text: string | undefined, field: string): string {
  return text === undefined || text === '' ? refuseBody(field, 'is missing') : text
}
