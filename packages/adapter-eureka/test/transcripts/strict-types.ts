import { expect } from 'vitest'

const text: unknown = expect.any(String)
const number: unknown = expect.any(Number)
const flag: unknown = expect.stringMatching(/^(?:true|false)$/)
const milliseconds: unknown = expect.stringMatching(/^\d+$/)
const port = { $: number, '@enabled': flag }

/** The types that the strictest readers insist on, who are in Go and .NET, in every form of an instance. */
const types: Readonly<Record<string, unknown>> = {
  instanceId: text,
  hostName: text,
  app: expect.stringMatching(/^[^a-z]+$/),
  ipAddr: text,
  status: expect.stringMatching(/^(?:UP|DOWN|STARTING|OUT_OF_SERVICE|UNKNOWN)$/),
  port,
  securePort: port,
  countryId: number,
  dataCenterInfo: expect.objectContaining({ '@class': text, name: text }),
  leaseInfo: {
    renewalIntervalInSecs: number,
    durationInSecs: number,
    registrationTimestamp: number,
    lastRenewalTimestamp: number,
    evictionTimestamp: number,
    serviceUpTimestamp: number,
  },
  isCoordinatingDiscoveryServer: flag,
  lastUpdatedTimestamp: milliseconds,
  lastDirtyTimestamp: milliseconds,
  actionType: expect.stringMatching(/^(?:ADDED|MODIFIED|DELETED)$/),
}

const required = ['hostName', 'app', 'ipAddr', 'status', 'port', 'securePort', 'dataCenterInfo', 'actionType']

/**
 * Requires of a body in JSON what clients in any language need: lists that are there and not empty within, versions
 * made of digits, no null, and instances whose fields have the types of {@link types}.
 */
export function requireStrictTypes(body: unknown, line: string): void {
  if (!isObject(body)) return
  const { applications, application, instance } = body
  if (isObject(applications)) requireList(applications, line)
  if (isObject(application)) requireApplication(application, line)
  if (isObject(instance)) requireInstance(instance, line)
}

function requireList({ application, versions__delta: version }: Fields, line: string): void {
  expect(version, line).toEqual(milliseconds)
  expect(application, line).toBeInstanceOf(Array)
  if (Array.isArray(application)) for (const one of application) requireApplication(one, line)
}

function requireApplication(application: unknown, line: string): void {
  const instances = isObject(application) ? application['instance'] : undefined
  expect(instances, line).toBeInstanceOf(Array)
  if (!Array.isArray(instances)) return
  expect(instances, line).not.toEqual([])
  for (const one of instances) requireInstance(one, line)
}

function requireInstance(instance: unknown, line: string): void {
  if (!isObject(instance)) throw new Error(`${line}: an instance is an object`)
  expect(Object.keys(instance), line).toEqual(expect.arrayContaining(required))
  const known = Object.fromEntries(Object.keys(instance).map((name) => [name, types[name] ?? present]))
  expect(instance, line).toEqual(known)
  for (const value of Object.values(isObject(instance['metadata']) ? instance['metadata'] : {})) {
    expect(value, line).toEqual(text)
  }
}

/** Fields that have no type above are texts, or the metadata. */
const present: unknown = expect.anything()

type Fields = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
