/**
 * A process of its own that reads everything in an environment and checks it: reading damaged pages may kill
 * whoever does it. Prints its findings as JSON.
 *
 * Not for import. `verifyLmdb` starts it.
 *
 * @packageDocumentation
 */
import { open } from 'lmdb'
import {
  checksumBytes,
  databaseNames,
  databaseOptions,
  environmentOptions,
  format,
  isIntact,
  isRevisionKey,
  reserved,
} from './layout.js'
import { inspectFiles } from './lmdb-header.js'

/** @typedef {import('lmdb').Database<Buffer, Buffer>} Database */
/** @typedef {import('lmdb').RootDatabase<Buffer, Buffer>} Environment */
/**
 * What the process prints.
 * @typedef {{ revisions: number, metaValues: number, index: number, problemCount: number, problems: string[] }} Findings
 */

/** Problems that are reported in words; more are only counted. */
const problemsMax = 20

/** @type {Findings} */
const findings = { revisions: 0, metaValues: 0, index: 0, problemCount: 0, problems: [] }

/** @param {string} text */
const report = (text) => {
  findings.problemCount++
  if (findings.problems.length < problemsMax) findings.problems.push(text)
}

/**
 * Reads every entry, in chunks: a read transaction held throughout would keep a writer from reusing pages.
 *
 * @param {Database} database
 * @param {(key: Buffer, stored: Buffer) => void} check
 * @returns {number} entries
 */
const walk = (database, check) => {
  let count = 0
  /** @type {Buffer | undefined} */
  let last
  for (;;) {
    let read = 0
    const start = last === undefined ? {} : { start: last, exclusiveStart: true }
    for (const { key, value } of database.getRange({ ...start, limit: 10_000 })) {
      if (last !== undefined && Buffer.compare(last, key) >= 0) {
        report(`${key.toString('hex')} follows ${last.toString('hex')}`)
        return count
      }
      check(key, value)
      last = key
      read++
    }
    count += read
    if (read === 0) return count
    database.resetReadTxn()
  }
}

try {
  const path = process.argv[2]
  if (path === undefined) throw new Error('no directory given')
  if (!inspectFiles(path, false)) throw new Error('there are no files')
  const environment = /** @type {Environment} */ (
    open(environmentOptions(path, Number(process.argv[3]), true))
  )
  const revisions = /** @type {Database} */ (environment.openDB(databaseNames.revisions, databaseOptions))
  const meta = /** @type {Database} */ (environment.openDB(databaseNames.meta, databaseOptions))
  findings.revisions = walk(revisions, (key, stored) => {
    const name = key.toString('hex')
    if (!isRevisionKey(key)) report(`${name} is not the key of a revision`)
    else if (!isIntact(key, stored)) report(`revision ${name} has a wrong checksum`)
  })
  let isOurs = false
  findings.metaValues = walk(meta, (key, stored) => {
    const name = key.toString('latin1')
    if (!isIntact(key, stored)) report(`value ${JSON.stringify(name)} has a wrong checksum`)
    else if (name === reserved.index) findings.index = Number(stored.readBigUInt64BE())
    else if (name === reserved.format) {
      isOurs = stored.toString('latin1', 0, stored.length - checksumBytes) === format
    }
  })
  if (!isOurs) report(`the files are not of format "${format}"`)
  await environment.close()
} catch (error) {
  report(String(error))
}
process.stdout.write(JSON.stringify(findings))
