/** Shorter values are no secrets: hiding them would only spoil ordinary text. */
const minSecretLength = 6;

/** Whether a variable of this name usually holds a secret: `GITHUB_TOKEN`, `dbPassword`, `GCP_CREDENTIALS_JSON`. */
export function looksSecret(name: string): boolean {
  return /(TOKEN|KEY)$|SECRET|PASSWORD|CREDENTIAL/i.test(name);
}

/** The values to hide, of a set of environment variables. */
export function secretValues(variables: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(variables).flatMap(([name, value = '']) =>
    looksSecret(name) && value.length >= minSecretLength ? [value] : [],
  );
}
