/** WHEP: the offer goes in, the answer comes back. @param page the viewer page of a gateway. */
export async function negotiate(page: string, offer: string): Promise<string> {
  const response = await fetch(`${page}/streams/camera/whep`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: offer,
  });
  if (response.status !== 201) throw new Error(`WHEP: ${response.status} ${await response.text()}`);
  return response.text();
}
