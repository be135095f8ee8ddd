import { encodeInstance } from '../codec.ts'
import { escapeName } from '../keys.ts'
import type { HealthReason } from '../model.ts'
import type { InstanceEntry } from '../view/instance-entry.ts'
import type { InstanceWrite } from '../writes/instance-batch.ts'

/**
 * What becomes of an instance whose time is up, or whose heartbeats came back: whose time is up is expired, and who is
 * expired already goes.
 *
 * @param wallMs the time of day. Unit: ms.
 */
export function healthChangeOf(
  { instance, service }: InstanceEntry,
  reason: HealthReason,
  wallMs: number,
): Omit<InstanceWrite, 'fenced'> {
  const place = {
    key: instance,
    servicePath: service.path,
    idPath: escapeName(instance.id),
    expected: instance.revision,
    serviceCreated: undefined,
  }
  if (instance.expired && reason === 'expired') {
    return { ...place, outcome: { type: 'remove', reason: 'evicted' } }
  }
  const expired = reason === 'expired'
  const healthy = instance.reportedHealthy && !expired
  const flips = healthy !== instance.healthy
  const draft = {
    ...instance,
    expired,
    healthy,
    healthReason: flips ? reason : instance.healthReason,
    healthChangedMs: flips ? wallMs : instance.healthChangedMs,
  }
  return { ...place, outcome: { type: 'put', value: encodeInstance(draft) } }
}
