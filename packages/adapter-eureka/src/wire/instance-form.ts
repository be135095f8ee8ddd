import type { DataCenterInfo } from './instance-info.ts'

/**
 * How much of an instance is written: what `X-Eureka-Accept` asks for. `compact` leaves out what is not needed to
 * call it: pages, lease, metadata, and of Amazon's metadata all but where it is.
 */
export type InstanceForm = 'full' | 'compact'

/** The class of a map that is empty, in Java; clients take its name for a sign that nothing is in it. */
export const emptyMapClass = 'java.util.Collections$EmptyMap'

const defaultClass = 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo'
const ownClass = 'com.netflix.appinfo.MyDataCenterInfo'

/**
 * The Java class that a data center is written with. What an instance gave is passed on only when it is one of
 * Eureka's own and fits the name: clients in Java create an object of the class they read here, and nobody
 * who may register should choose it.
 */
export function dataCenterClass({ class: given, name }: DataCenterInfo): string {
  if (name === 'Amazon') return 'com.netflix.appinfo.AmazonInfo'
  return given === ownClass ? given : defaultClass
}

const compactKeys = ['instance-id', 'public-ipv4', 'public-hostname', 'local-ipv4', 'availability-zone']

/** The metadata of a data center in a form; undefined when it has none to write. */
export function dataCenterMetadata(
  { name, metadata }: DataCenterInfo,
  form: InstanceForm,
): Readonly<Record<string, string>> | undefined {
  if (name !== 'Amazon' || metadata === undefined) return undefined
  if (form === 'full') return metadata
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => compactKeys.includes(key)))
}
