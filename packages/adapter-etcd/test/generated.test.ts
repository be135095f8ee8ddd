import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generate, generatedDirectory } from './generate.ts'

test('the generated files are what the protocol files give', () => {
  for (const [name, content] of Object.entries(generate())) {
    expect(readFileSync(join(generatedDirectory, name), 'utf8'), name).toBe(content)
  }
})
