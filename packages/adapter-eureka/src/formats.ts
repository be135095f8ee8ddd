import type { InstanceForm } from './wire/instance-form.ts'
import type { InstanceInfo } from './wire/instance-info.ts'
import {
  jsonApplication,
  jsonApplicationEnvelope,
  jsonApplications,
  jsonInstance,
  writeInstanceJson,
} from './wire/json-writer.ts'
import {
  writeInstanceXml,
  xmlApplication,
  xmlApplicationEnvelope,
  xmlApplications,
  xmlInstance,
} from './wire/xml-writer.ts'

/** One of the two formats, made of encoded parts. */
export interface WireFormat {
  readonly contentType: string
  /** Between instances, and between applications. */
  readonly separator: string
  writeInstance(info: InstanceInfo, form: InstanceForm): string
  instance(encoded: string): string
  application(name: string, encodedInstances: readonly string[]): string
  applicationEnvelope(encoded: string): string
  applications(
    head: { readonly version: string; readonly hashCode: string },
    encodedApplications: readonly string[],
  ): string
}

/** What Java and JavaScript clients read. */
export const jsonFormat: WireFormat = {
  contentType: 'application/json',
  separator: ',',
  writeInstance: writeInstanceJson,
  instance: jsonInstance,
  application: jsonApplication,
  applicationEnvelope: jsonApplicationEnvelope,
  applications: jsonApplications,
}

/** What whoever does not ask for JSON gets. */
export const xmlFormat: WireFormat = {
  contentType: 'application/xml',
  separator: '',
  writeInstance: writeInstanceXml,
  instance: xmlInstance,
  application: xmlApplication,
  applicationEnvelope: xmlApplicationEnvelope,
  applications: xmlApplications,
}

/** One way of writing instances: everything that is cached is cached for each of them. */
export interface Rendition {
  /** From 0, below {@link renditions}' length. */
  readonly index: number
  readonly format: WireFormat
  readonly form: InstanceForm
  /** For clients of Eureka's first version, who know fewer statuses. */
  readonly isFirstVersion: boolean
}

/** All of them. */
export const renditions: readonly Rendition[] = [jsonFormat, xmlFormat].flatMap((format, f) =>
  (['full', 'compact'] as const).flatMap((form, c) =>
    [false, true].map((isFirstVersion, v) => ({
      index: f * 4 + c * 2 + v,
      format,
      form,
      isFirstVersion,
    })),
  ),
)

/** Which rendition a request asks for. */
export function renditionFor(
  {
    accept,
    eurekaAccept,
  }: { readonly accept: string | undefined; readonly eurekaAccept: string | undefined },
  isFirstVersion: boolean,
): Rendition {
  const isXml = accept === undefined || !/json/i.test(accept)
  const isCompact = eurekaAccept?.toLowerCase() === 'compact'
  const rendition = renditions[Number(isXml) * 4 + Number(isCompact) * 2 + Number(isFirstVersion)]
  if (rendition === undefined) throw new RangeError('there are eight renditions')
  return rendition
}
