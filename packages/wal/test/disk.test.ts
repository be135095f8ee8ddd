import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWorkerDisk } from '@orrery/wal'
import { createSimulatedDisk, diskConformance } from '@orrery/wal/testing'
import { describe, test } from 'vitest'

describe('a worker disk', () => {
  test.each(diskConformance)('$name', async ({ run }) => {
    const directory = mkdtempSync(join(tmpdir(), 'orrery-disk-'))
    try {
      await run({ open: createWorkerDisk, directory })
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('a simulated disk', () => {
  test.each(diskConformance)('$name', async ({ run }) => {
    const volume = createSimulatedDisk()
    await volume.submit([{ type: 'makeDirectory', path: '/case' }])
    await run({ open: () => volume.share(), directory: '/case' })
  })
})
