# Tells Belay that a ticket changed, as a Standard Webhook. Belay takes it for a rumour and looks at the ticket.
#
# Install it in RT under Admin / Scrips / Create: condition "On Transaction", action "User Defined", template "Blank",
# stage "Normal", this text as the "Custom action commit code" and "return 1;" as the preparation code; apply it to
# the queues that Belay asks. RT_SiteConfig.pm says where Belay is and what it shares with us:
#
#     Set($BelayHookURL,    'https://belay.example.com/hooks/rt');
#     Set($BelayHookSecret, 'whsec_...');      # the same as in Belay's operations.yaml
#
# It runs inside the request of whoever changed the ticket. A Belay that does not answer costs them 3 s and a
# warning in RT's log, never the change.
use Digest::SHA 'hmac_sha256_base64';
use LWP::UserAgent;
use MIME::Base64 'decode_base64';

my ($url, $secret) = map { RT->Config->Get($_) } qw(BelayHookURL BelayHookSecret);
return 1 unless $url and $secret;
my ($id, $at) = ('rt-' . $self->TransactionObj->id, time);
my $body = sprintf '{"ticket":{"id":"%d"}}', $self->TicketObj->id;
(my $key = $secret) =~ s/^whsec_//;
my $sign = hmac_sha256_base64("$id.$at.$body", decode_base64($key));
$sign .= '=' while length($sign) % 4;
my $answer = LWP::UserAgent->new(timeout => 3)->post(
    $url,
    'Content-Type'      => 'application/json',
    'webhook-id'        => $id,
    'webhook-timestamp' => $at,
    'webhook-signature' => "v1,$sign",
    Content             => $body,
);
RT->Logger->warning('Belay was not told: ' . $answer->status_line) unless $answer->is_success;
return 1;
