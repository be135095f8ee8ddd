import { type InstanceStatus, instanceStatuses } from './instance-info.ts'

/**
 * What clients compare their copy of the registry with after a delta: how many instances have which status,
 * in alphabetical order. Three that are up and one that is down: `DOWN_1_UP_3_`. None at all: empty.
 *
 * Source: Netflix Eureka, the reconcile hash code of Applications.
 */
export function hashCodeOf(counts: ReadonlyMap<InstanceStatus, number>): string {
  let hashCode = ''
  for (const status of instanceStatuses) {
    const count = counts.get(status) ?? 0
    if (count > 0) hashCode += `${status}_${count}_`
  }
  return hashCode
}
