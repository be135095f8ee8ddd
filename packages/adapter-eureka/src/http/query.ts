import { type InstanceStatus, instanceStatuses } from '../wire/instance-info.ts'
import { refuseBody } from '../wire/refuse.ts'

/** Parameters of a query. */
export type Query = ReadonlyMap<string, string>

/** Of a name that comes twice, the first value counts. */
export function parseQuery(query: string): Query {
  const parameters = new Map<string, string>()
  if (query === '') return parameters
  for (const [name, value] of new URLSearchParams(query)) {
    if (!parameters.has(name)) parameters.set(name, value)
  }
  return parameters
}

/** @throws EurekaError `EUREKA_BODY_INVALID`: it is no timestamp */
export function dirtyTimestampOf(query: Query): number | undefined {
  const text = query.get('lastDirtyTimestamp')
  if (text === undefined || text === '' || text === 'null') return undefined
  const timestamp = /^\d{1,16}$/.test(text) ? Number(text) : -1
  return Number.isSafeInteger(timestamp) && timestamp >= 0
    ? timestamp
    : refuseBody('lastDirtyTimestamp', 'is no time since 1970 in milliseconds')
}

/** @throws EurekaError `EUREKA_BODY_INVALID`: there is no such status */
export function statusOf(query: Query): InstanceStatus | undefined {
  const text = query.get('value')
  if (text === undefined || text === '') return undefined
  const status = instanceStatuses.find((known) => known === text.toUpperCase())
  return status ?? refuseBody('value', `is one of ${instanceStatuses.join(', ')}`)
}
