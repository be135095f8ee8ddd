import { effectiveId, type InstanceInfo } from './instance-info.ts'
import { refuseBody } from './refuse.ts'

/**
 * Requires what Eureka requires of a registration: something to be known by, a host name, an address, the name
 * of the application of the path in any case, and a data center. One of Amazon needs its metadata, without
 * which clients fail to read every other instance too.
 *
 * Source: Netflix Eureka, REST operations, registration of an instance.
 *
 * @throws EurekaError `EUREKA_BODY_INVALID`
 */
export function requireRegistrable(info: InstanceInfo, appFromPath: string): void {
  if (effectiveId(info) === '') refuseBody('instanceId', 'is missing')
  if (info.hostName === '') refuseBody('hostName', 'is missing')
  if (info.ipAddr === '') refuseBody('ipAddr', 'is missing')
  if (info.app === '') refuseBody('app', 'is missing')
  if (info.app.toUpperCase() !== appFromPath.toUpperCase()) refuseBody('app', 'is not the one of the path')
  const { name, metadata } = info.dataCenterInfo
  if (name === '') refuseBody('dataCenterInfo.name', 'is missing')
  if (name === 'Amazon' && metadata === undefined) refuseBody('dataCenterInfo.metadata', 'is missing')
}
