import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A block of code that says which example it is a part of. */
const markedBlock = /<!-- example: (?<path>\S+) -->\s*```\w*\n(?<code>.*?)\n?```/gs

const readmes = [
  'README.md',
  ...readdirSync(join(root, 'packages'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('README.md') && !path.includes('node_modules'))
    .map((path) => `packages/${path}`),
]
const blocks = readmes
  .filter((path) => existsSync(join(root, path)))
  .flatMap((readme) =>
    Array.from(readFileSync(join(root, readme), 'utf8').matchAll(markedBlock), ({ groups }) => ({
      readme,
      path: groups?.['path'] ?? '',
      code: groups?.['code'] ?? '',
    })),
  )

/** The part of an example that is for readers. */
function regionOf(source: string): string {
  const match = /\/\/ #region readme\n(?<region>.*)\n\s*\/\/ #endregion readme/s.exec(source)
  const region = match?.groups?.['region']
  if (region === undefined) throw new Error('no region readme')
  return region
}

test.each(blocks)('$readme shows $path as it is', ({ path, code }) => {
  expect(code).toBe(regionOf(readFileSync(join(root, path), 'utf8')))
})

test('every example has a region for readers', () => {
  const examples = readdirSync(join(root, 'examples')).filter((name) => name !== 'reference-server')
  for (const name of examples) {
    const region = regionOf(readFileSync(join(root, 'examples', name, 'src/main.ts'), 'utf8'))
    expect(region.split('\n').length, name).toBeLessThanOrEqual(25)
  }
})
