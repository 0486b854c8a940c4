/** A step of a job that runs a script. */
export interface Step {
  readonly name: string
  readonly script: string
  /** When it runs: `failure()`, `always()`; `undefined`: if all before it succeeded. */
  readonly condition: string | undefined
}

/**
 * The scripts of a workflow's job, in order, and the variables that it sets. Reads the layout that `init --ci` writes,
 * not YAML; actionlint does that.
 */
export function jobOf(
  workflow: string,
  name: string,
): {readonly steps: readonly Step[]; readonly environment: Readonly<Record<string, string>>} {
  const [, job = ''] =
    new RegExp(String.raw`\n  ${name}:\n([\s\S]*?)(?=\n  \S|$(?![\s\S]))`).exec(workflow) ?? []
  const [, variables = ''] = /\n {4}env:\n((?: {6}.*\n)*)/.exec(`\n${job}`) ?? []
  return {
    environment: Object.fromEntries(
      [...variables.matchAll(/^ {6}(\w+): (.*)$/gm)].map(([, key = '', value = '']) => [key, value]),
    ),
    steps: job
      .split(/^ {6}- /m)
      .slice(1)
      .flatMap((text) => {
        const [, block, line] = /^ {8}run: (?:\|\n((?: {10}.*\n?)*)|(.*))/m.exec(text) ?? []
        const script = block?.replaceAll(/^ {10}/gm, '') ?? line
        return script === undefined
          ? []
          : [
              {
                name: /^name: (.*)/.exec(text)?.[1] ?? '',
                script,
                condition: /^ {8}if: (.*)$/m.exec(text)?.[1],
              },
            ]
      }),
  }
}
