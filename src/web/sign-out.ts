/** Ends the session. The route is that of the sign-in library, outside of the API that the client knows. */
export async function signOut(): Promise<void> {
  const response = await fetch('/api/auth/sign-out', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  if (!response.ok) throw new Error(`Signing out was answered with HTTP status ${response.status}.`);
}
