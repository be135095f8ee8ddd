import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { etcdErrors, etcdServicesDefaults } from '../src/index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test('every error is in the README, with its status and text', () => {
  for (const [code, { status, details }] of Object.entries(etcdErrors)) {
    const row = new RegExp(`^\\| \`${code}\` +\\| ${String(status)} +\\| ${details} *\\|$`, 'm')
    expect(readme, code).toMatch(row)
  }
  expect(readme.match(/^\| `ETCD_/gm)).toHaveLength(Object.keys(etcdErrors).length)
})

test('every option of the services is in the README', () => {
  for (const name of Object.keys(etcdServicesDefaults)) expect(readme).toContain(`| \`${name}\``)
})
