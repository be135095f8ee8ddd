import { fork } from 'node:child_process'
import { endWithThisProcess } from './child-process.ts'
import type { RawAnswer, RawTask } from './raw-client.ts'

/** A client in a process of its own: whatever it costs is not the server's, and not the scenario's. */
export interface RawClient {
  /** @throws Error when the client fails, or takes longer than two minutes */
  perform(task: RawTask): Promise<RawAnswer>
  stop(): void
}

const taskMaxMs = 120_000

/** Starts a client. */
export function startRawClient(): RawClient {
  const child = fork('bench/suite/raw-client.ts', { execArgv: ['--import', 'tsx'] })
  endWithThisProcess(child)
  return {
    perform: (task) =>
      new Promise((resolve, reject) => {
        const forget = (): void => {
          clearTimeout(timer)
          child.off('exit', onExit)
          child.off('message', onAnswer)
        }
        const fail = (reason: string): void => {
          forget()
          reject(new Error(`the client ${reason}: ${task.type}`))
        }
        const onExit = (): void => fail('failed')
        const onAnswer = (answer: unknown): void => {
          forget()
          resolve(answer as RawAnswer)
        }
        const timer = setTimeout(() => fail('takes too long'), taskMaxMs)
        child.once('exit', onExit)
        child.once('message', onAnswer)
        child.send(task)
      }),
    stop: () => child.kill('SIGKILL'),
  }
}
