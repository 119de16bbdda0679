"""Every vendor, by the name that a source's `accepts` gives. A new vendor joins here."""

from types import MappingProxyType

from ingest.vendors.amplitude import AMPLITUDE
from ingest.vendors.contract import Vendor
from ingest.vendors.feedback import FEEDBACK
from ingest.vendors.mixpanel import MIXPANEL
from ingest.vendors.plain import PLAIN
from ingest.vendors.posthog import POSTHOG
from ingest.vendors.segment import RUDDERSTACK, SEGMENT
from ingest.vendors.snowplow import SNOWPLOW

VENDORS: MappingProxyType[str, Vendor] = MappingProxyType(
    {vendor.name: vendor for vendor in (SEGMENT, RUDDERSTACK, AMPLITUDE, MIXPANEL, POSTHOG, SNOWPLOW, PLAIN, FEEDBACK)}
)
