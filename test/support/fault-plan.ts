/** Has something go wrong on purpose in a local cloud: see its fault rules. @throws Error with its objection */
export async function addFault(endpoint: string, fault: object): Promise<void> {
  const response = await fetch(`${endpoint}/_local-cloud/faults`, {
    method: 'POST',
    body: JSON.stringify({faults: [fault]}),
  })
  if (!response.ok) throw new Error(await response.text())
}
