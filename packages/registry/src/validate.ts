// What comes from outside is checked here, and becomes what is kept.

import { kindOf, metadataOf, objectOf, refuse, textOf } from './fields.ts'
import { type NamespaceDraft, noMetadata, type ServiceDraft } from './drafts/drafts.ts'
import { registryLimits as limits } from './limits.ts'
import type { Namespace, NamespaceSpec, Service, ServiceKey, ServiceSpec } from './model.ts'
import { checkNamespaceName, checkServiceKey, exportToOf } from './names.ts'

export { noExtensions, noMetadata, nowhere } from './drafts/drafts.ts'
export type { InstanceDraft, NamespaceDraft, ServiceDraft } from './drafts/drafts.ts'
export { changeInstance, toInstance } from './drafts/instance-draft.ts'
export { sameInstance } from './drafts/same-instance.ts'
export { checkInstanceKey, checkNamespaceName, checkServiceKey } from './names.ts'

/**
 * What a namespace becomes.
 *
 * @param current what it is; undefined: it is created
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function toNamespace(name: unknown, spec: NamespaceSpec, current?: Namespace): NamespaceDraft {
  checkNamespaceName(name)
  const { comment, metadata, exportTo } = objectOf(spec, 'namespace') as NamespaceSpec
  return {
    name,
    comment:
      comment === undefined ? (current?.comment ?? '') : textOf(comment, 'comment', limits.commentMaxChars),
    metadata: metadata === undefined ? (current?.metadata ?? noMetadata) : metadataOf(metadata),
    exportTo: exportTo === undefined ? (current?.exportTo ?? []) : exportToOf(exportTo),
  }
}

/**
 * What a service becomes.
 *
 * @param current what it is; undefined: it is created
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function toService(key: ServiceKey, spec: ServiceSpec, current?: Service): ServiceDraft {
  checkServiceKey(key)
  const given = objectOf(spec, 'service') as ServiceSpec
  const text = (name: 'ports' | 'business' | 'department' | 'comment'): string => {
    const value = given[name]
    return value === undefined ? (current?.[name] ?? '') : textOf(value, name, limits[`${name}MaxChars`])
  }
  const { metadata, exportTo, aliasOf, protectThreshold } = given
  if (aliasOf !== undefined) checkServiceKey(aliasOf)
  return {
    namespace: key.namespace,
    name: key.service,
    metadata: metadata === undefined ? (current?.metadata ?? noMetadata) : metadataOf(metadata),
    ports: text('ports'),
    business: text('business'),
    department: text('department'),
    comment: text('comment'),
    exportTo: exportTo === undefined ? (current?.exportTo ?? []) : exportToOf(exportTo),
    aliasOf:
      aliasOf === undefined ? current?.aliasOf : { namespace: aliasOf.namespace, service: aliasOf.service },
    protectThreshold:
      protectThreshold === undefined ? current?.protectThreshold : thresholdOf(protectThreshold),
  }
}

function thresholdOf(value: unknown): number | undefined {
  if (value === null) return undefined
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
    refuse('protectThreshold', `must be a number from 0 to 1, or null, got ${kindOf(value)}`)
  }
  return value
}
