import type { Release } from '@orrery/config-hub'
import { describe, expect, test } from 'vitest'
import { ReleaseJson } from '../../src/config/json/release-json.ts'
import { key } from './support.ts'

/** A release that counts how often JSON was made of it. */
function releaseOf(
  version: number,
  { content = 'x', encrypted = false }: { readonly content?: string; readonly encrypted?: boolean } = {},
): { readonly release: Release; readonly made: () => number } {
  let made = 0
  const fields = { ...key, version, encrypted, content }
  const release = { ...fields, toJSON: () => ({ ...fields, made: ++made }) } as unknown as Release
  return { release, made: () => made }
}

describe('the JSON of releases', () => {
  test('is made once for all who are told at the same time', () => {
    const json = new ReleaseJson()
    const { release, made } = releaseOf(1)
    const batch = { revision: 3, changes: [{ type: 'released', release }] } as const
    const texts = [true, false, true].map((isPlain) => Buffer.concat(json.partsOf(batch, isPlain)).toString())
    expect(new Set(texts).size).toBe(1)
    expect(JSON.parse(texts[0] ?? '')).toMatchObject({ revision: 3, changes: [{ release: { version: 1 } }] })
    expect(json.of(release)).toBe(json.of(release))
    expect(made()).toBe(1)
  })

  test('is kept of the latest, as much as there is place for', () => {
    const json = new ReleaseJson()
    const content = 'x'.repeat(1024 * 1024)
    const releases = Array.from({ length: 9 }, (_, index) => releaseOf(index + 1, { content }))
    for (const { release } of releases) json.of(release)
    json.of(releases[8]?.release ?? releaseOf(0).release)
    json.of(releases[3]?.release ?? releaseOf(0).release)
    json.of(releases[0]?.release ?? releaseOf(0).release)
    expect(releases.map(({ made }) => made())).toEqual([2, 1, 1, 1, 1, 1, 1, 1, 1])
  })

  test('is as it should be of several changes, and without contents that stand encrypted', () => {
    const json = new ReleaseJson()
    const batch = {
      revision: 9,
      changes: [
        { type: 'released', release: releaseOf(1).release },
        { type: 'removed', key, version: 7 },
        { type: 'released', release: { ...key, version: 2, encrypted: true, content: 's' } as Release },
      ],
    } as const
    const told = (isPlain: boolean): unknown =>
      JSON.parse(Buffer.concat(json.partsOf(batch, isPlain)).toString())
    expect(told(false)).toMatchObject({
      revision: 9,
      changes: [{ type: 'released' }, { type: 'removed', key, version: 7 }, { release: { version: 2 } }],
    })
    expect(JSON.stringify(told(false))).not.toContain('"s"')
    expect(JSON.stringify(told(true))).toContain('"content":"s"')
  })
})
