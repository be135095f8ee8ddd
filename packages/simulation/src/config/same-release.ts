import type { ReleaseInfo } from '@orrery/config-hub'

const fields = [
  'version',
  'name',
  'md5',
  'sizeBytes',
  'format',
  'comment',
  'encrypted',
  'origin',
  'from',
  'releasedAtMs',
  'actor',
  'reason',
] as const satisfies readonly (keyof ReleaseInfo)[]

/** Whether the same is said of two releases, in everything. */
export function isSameRelease(one: ReleaseInfo, other: ReleaseInfo): boolean {
  return fields.every((field) => one[field] === other[field]) && isSameTags(one.tags, other.tags)
}

/** What makes a difference for those who see a release. */
export type Substance = Pick<ReleaseInfo, 'md5' | 'format' | 'tags'>

/** Whether somebody who has one has the other. */
export function isSameSubstance(one: Substance, other: Substance): boolean {
  return one.md5 === other.md5 && one.format === other.format && isSameTags(one.tags, other.tags)
}

function isSameTags(one: ReleaseInfo['tags'], other: ReleaseInfo['tags']): boolean {
  const sorted = (tags: ReleaseInfo['tags']): string => JSON.stringify(Object.entries(tags).sort())
  return sorted(one) === sorted(other)
}
