import { readFileSync } from 'node:fs'
import { defineConfig } from 'tsup'

/** What a package publishes is what its `exports` name: the entries of its build are read from there. */
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, string | { '@orrery/source'?: string }>
}
const entry = Object.values(manifest.exports).flatMap((target) => {
  const source = typeof target === 'string' ? undefined : target['@orrery/source']
  return source === undefined ? [] : [source]
})

export default defineConfig({
  entry,
  format: 'esm',
  target: 'node20',
  clean: true,
  sourcemap: true,
  // A private condition would otherwise bundle the sources of sibling packages.
  skipNodeModulesBundle: true,
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
})
