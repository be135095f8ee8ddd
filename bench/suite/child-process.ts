import type { ChildProcess } from 'node:child_process'

/** Kills a process when this one ends before it. */
export function endWithThisProcess(child: ChildProcess): void {
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
}
