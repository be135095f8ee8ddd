import { spawn } from 'node:child_process'
import { createReportReader } from './report.ts'

/** When a process is killed: some time after it has told a number of things of a kind. */
export interface KillPlan<R extends { readonly type: string }> {
  readonly after: R['type']
  readonly count: number
  readonly delayMs: number
}

/**
 * Runs a program that prints reports, and kills it.
 *
 * @returns what it told
 * @throws Error with its output when it ends in another way
 */
export async function runAndKill<R extends { readonly type: string }>(
  program: string,
  argument: string,
  plan: KillPlan<R>,
): Promise<R[]> {
  const child = spawn(process.execPath, [program, argument], { stdio: ['ignore', 'pipe', 'pipe'] })
  const reports: R[] = []
  let complaints = ''
  let left = plan.count
  const read = createReportReader((told) => {
    const report = told as R
    reports.push(report)
    if (report.type === plan.after && --left === 0) setTimeout(() => child.kill('SIGKILL'), plan.delayMs)
  })
  child.stdout.setEncoding('utf8').on('data', read)
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const signal = await new Promise((resolve) => {
    child.once('close', (_code, how) => {
      resolve(how)
    })
  })
  if (signal !== 'SIGKILL') throw new Error(`the process ended before it was killed:\n${complaints}`)
  return reports
}
