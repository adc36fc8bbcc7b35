"""An RTSP camera for tests: gst-rtsp-server with one stream at /cam. Prints its port when it listens.

Arguments: a launch string, a port (0: a free one), a user name and a password (none: everybody may come), files of a
certificate and its key (none: without TLS).
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

launch, port, user, password, certificate, key = (sys.argv[1:] + [""] * 4)[:6]
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( {launch} )")
factory.set_shared(True)
if user:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.set_realm("camera")
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
if certificate:
    auth = server.get_auth() or GstRtspServer.RTSPAuth()
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(certificate, key))
    if not user:
        everybody = GstRtspServer.RTSPToken()
        everybody.set_string("media.factory.role", "everybody")
        auth.set_default_token(everybody)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("everybody", "media.factory.access", True)
        permissions.add_permission_for_role("everybody", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.set_auth(auth)
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
