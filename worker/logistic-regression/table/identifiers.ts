/** Whether a column names its rows, by its own name: `id`, `company_id`, `Customer ID`, `companyId`, but not `paid`. */
export function isIdentifierName(header: string): boolean {
  return /(^|[^a-z])id$/i.test(header) || /[a-z]I[dD]$/.test(header)
}
