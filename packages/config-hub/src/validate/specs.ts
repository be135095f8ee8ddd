import type { WriteOptions } from '../calls.ts'
import type { ContentCondition, ImportOptions, PublishSpec, TemplateSpec } from '../config-hub.ts'
import { checkGrayRule } from '../gray/gray-rule.ts'
import { configLimits as limits } from '../limits.ts'
import type { FileSpec, GrayRule, Group, GroupKey, GroupSpec, Metadata, Template } from '../model.ts'
import { checkContentText } from './content-text.ts'
import { entriesOf, flagOf, formatOf, integerOf, objectOf, refuse, textOf } from './fields.ts'
import { checkGroupKey, checkNamespaceName, printableOf } from './names.ts'

/** A group before the store has given it a revision, and time its place. */
export type GroupDraft = Omit<Group, 'createdAtMs' | 'changedAtMs' | 'revision'>

/** Shared by all that have none. */
export const noMetadata: Metadata = Object.freeze({})

/**
 * What a group becomes.
 *
 * @param current what it is; undefined: it is created
 * @throws ConfigError `CONFIG_INVALID`
 */
export function toGroup(key: GroupKey, spec: GroupSpec, current?: Group): GroupDraft {
  checkGroupKey(key)
  const given = objectOf(spec, 'group') as GroupSpec
  const text = (name: 'comment' | 'business' | 'department'): string => {
    const value = given[name]
    return value === undefined ? (current?.[name] ?? '') : textOf(value, name, limits[`${name}MaxChars`])
  }
  return {
    namespace: key.namespace,
    group: key.group,
    comment: text('comment'),
    business: text('business'),
    department: text('department'),
    metadata: given.metadata === undefined ? (current?.metadata ?? noMetadata) : metadataOf(given.metadata),
  }
}

/**
 * A copy of what is given of a file, without what is not. Fields that are not known are left out.
 *
 * @param contentMaxBytes as UTF-8
 * @throws ConfigError `CONFIG_INVALID`
 */
export function toFileSpec(spec: FileSpec, contentMaxBytes: number): FileSpec {
  const { content, format, comment, tags, encrypted } = objectOf(spec, 'file') as FileSpec
  if (content !== undefined) checkContentText(content, contentMaxBytes)
  return {
    ...(content === undefined ? {} : { content }),
    ...(format === undefined ? {} : { format: formatOf(format) }),
    ...(comment === undefined ? {} : { comment: textOf(comment, 'comment', limits.commentMaxChars) }),
    ...(tags === undefined ? {} : { tags: tagsOf(tags) }),
    ...(encrypted === undefined ? {} : { encrypted: flagOf(encrypted, 'encrypted') }),
  }
}

/**
 * A copy of what is given of a release, without what is not.
 *
 * @param contentMaxBytes as UTF-8
 * @throws ConfigError `CONFIG_INVALID`
 */
export function toPublishSpec(spec: PublishSpec, contentMaxBytes: number): PublishSpec {
  const file = toFileSpec(spec, contentMaxBytes)
  const { name, releaseComment } = spec
  return {
    ...file,
    ...(name === undefined ? {} : { name: printableOf(name, 'name', limits.releaseNameMaxChars) }),
    ...(releaseComment === undefined
      ? {}
      : { releaseComment: textOf(releaseComment, 'releaseComment', limits.commentMaxChars) }),
  }
}

/** What is given of a gray release. */
export type GrayPublishSpec = PublishSpec & { readonly rule: GrayRule }

/**
 * The same for a gray release, whose rule has to be there.
 *
 * @param contentMaxBytes as UTF-8
 * @throws ConfigError `CONFIG_INVALID`
 */
export function toGrayPublishSpec(spec: GrayPublishSpec, contentMaxBytes: number): GrayPublishSpec {
  return { ...toPublishSpec(spec, contentMaxBytes), rule: checkGrayRule(spec.rule) }
}

/** A template before the store has given it a revision, and time its place. */
export type TemplateDraft = Pick<Template, 'content' | 'format' | 'comment'>

/**
 * What a template becomes.
 *
 * @param contentMaxBytes as UTF-8
 * @throws ConfigError `CONFIG_INVALID`
 */
export function toTemplateSpec(spec: TemplateSpec, contentMaxBytes: number): TemplateDraft {
  const { content, format, comment } = objectOf(spec, 'template') as unknown as TemplateSpec
  checkContentText(content, contentMaxBytes)
  return {
    content,
    format: format === undefined ? 'text' : formatOf(format),
    comment: comment === undefined ? '' : textOf(comment, 'comment', limits.commentMaxChars),
  }
}

/** MD5 as we give it, or the sign that there is no content. */
const md5OrNone = /^(?:[\da-f]{32})?$/

/** @throws ConfigError `CONFIG_INVALID` */
export function checkWriteOptions(options: WriteOptions & ContentCondition): void {
  const { ifRevision, ifMd5, actor, reason } = objectOf(options, 'options')
  if (ifRevision !== undefined) integerOf(ifRevision, 'ifRevision', { min: 0 })
  if (ifMd5 !== undefined && !(typeof ifMd5 === 'string' && md5OrNone.test(ifMd5))) {
    refuse('ifMd5', 'must be 32 hexadecimal digits in lower case, or empty')
  }
  if (actor !== undefined && actor !== '') printableOf(actor, 'actor', limits.actorMaxChars)
  if (reason !== undefined) textOf(reason, 'reason', limits.reasonMaxChars)
}

/** @throws ConfigError `CONFIG_INVALID` */
export function checkImportOptions(options: ImportOptions): void {
  checkWriteOptions(options)
  const { namespace, conflict } = options
  if (namespace !== undefined) checkNamespaceName(namespace)
  if (!['skip', 'overwrite', 'abort'].includes(conflict)) {
    refuse('conflict', 'must be skip, overwrite or abort')
  }
}

/** @throws ConfigError `CONFIG_INVALID` */
export function metadataOf(value: unknown): Metadata {
  return entriesOf(value, 'metadata', { maxEntries: limits.metadataMaxEntries, valueMinChars: 0 })
}

/** Unlike metadata, tags have no empty values. @throws ConfigError `CONFIG_INVALID` */
export function tagsOf(value: unknown, field = 'tags'): Metadata {
  return entriesOf(value, field, { maxEntries: limits.metadataMaxEntries, valueMinChars: 1 })
}
