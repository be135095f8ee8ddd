import type { Instance, InstanceChanges } from '@orrery/registry'
import { type EurekaExtension, keptStatus } from './extension.ts'
import type { InstanceStatus } from './wire/instance-info.ts'

/**
 * The status that clients see. An instance whose heartbeats are missing is down, unless the registry takes that for
 * a fault of its own: then nothing is said against it.
 */
export function shownStatus(instance: Instance, isProtected: boolean): InstanceStatus {
  if (instance.expired && !isProtected) return 'DOWN'
  if (instance.isolated) return 'OUT_OF_SERVICE'
  if (instance.reportedHealthy) return 'UP'
  const kept = keptStatus(instance)
  return kept === 'STARTING' || kept === 'UNKNOWN' ? kept : 'DOWN'
}

/**
 * The status of a registration: what the instance says when it cannot serve, else what an operator says, else what it
 * says. Unlike Netflix's server, this one does not let the status it had before win over a new one: an
 * instance that was registered out of service and comes back up is up.
 *
 * Source: Netflix Eureka, the chain of override rules without LeaseExistsRule.
 */
export function effectiveStatus(reported: InstanceStatus, override: InstanceStatus): InstanceStatus {
  if (reported !== 'UP' && reported !== 'OUT_OF_SERVICE') return reported
  return override === 'UNKNOWN' ? reported : override
}

/**
 * The override that is in force. One for out of service is not when somebody has taken the isolation
 * back by another protocol.
 */
export function overrideOf(instance: Instance, extension: EurekaExtension): InstanceStatus {
  const { overriddenStatus, status } = extension
  const isLifted = overriddenStatus === 'OUT_OF_SERVICE' && status === 'OUT_OF_SERVICE' && !instance.isolated
  return isLifted ? 'UNKNOWN' : overriddenStatus
}

/** Whether another protocol has isolated it. */
export function isIsolatedElsewhere(instance: Instance, extension: EurekaExtension | undefined): boolean {
  return instance.isolated && extension?.status !== 'OUT_OF_SERVICE'
}

/** What a status says to the registry. One that is out of service is healthy: it could serve. */
export function healthOf(status: InstanceStatus): Required<Pick<InstanceChanges, 'isolated' | 'healthy'>> {
  return { isolated: status === 'OUT_OF_SERVICE', healthy: status === 'UP' || status === 'OUT_OF_SERVICE' }
}

/** What clients of Eureka's first version know; anything else is down to them. */
export function firstVersionStatus(status: InstanceStatus): InstanceStatus {
  return status === 'UP' || status === 'STARTING' ? status : 'DOWN'
}
