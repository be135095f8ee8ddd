import { escapeName } from '../keys.ts'
import type { InstanceEntry } from './instance-entry.ts'

/** The path of an instance, as `instancePath` makes it, from what its service knows already. */
export function pathOf({ service, instance }: InstanceEntry): string {
  return `${service.path}/${escapeName(instance.id)}`
}
