import { isFields } from './field-reader.ts'
import type { InstanceInfo } from './instance-info.ts'
import { readInstanceFields } from './instance-reader.ts'
import { refuseBody } from './refuse.ts'

/**
 * Reads the body of a registration, parsed by `JSON.parse`: the object `instance`, or what would be in it.
 * What it tolerates and what it defaults to, see `readInstanceFields`.
 *
 * @throws EurekaError `EUREKA_BODY_INVALID`, `EUREKA_BODY_TOO_LARGE`
 */
export function readInstanceJson(body: unknown): InstanceInfo {
  if (!isFields(body)) refuseBody('body', 'is not an object')
  const instance = Object.hasOwn(body, 'instance') ? body['instance'] : body
  if (!isFields(instance)) refuseBody('instance', 'is not an object')
  return readInstanceFields(instance)
}
