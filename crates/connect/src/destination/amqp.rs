//! An exchange of an AMQP 0-9-1 broker such as RabbitMQ: persistent messages with publisher confirms.

use std::time::Duration;

use async_trait::async_trait;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};

use super::host_and_port;
use crate::delivery::{Destination, Fault, Message};
use crate::guard;
use crate::settings::settings;

/// Longest wait for a connection, and for the confirmation of a batch.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
const CONFIRM_WITHIN: Duration = Duration::from_secs(30);
/// How often each side says that it lives, in seconds: a broker that is gone is noticed within twice that.
const HEARTBEAT_S: u16 = 10;
/// The mode of messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

settings! {
    /// A topic exchange of RabbitMQ or another broker of AMQP 0-9-1. Each event is a persistent message under its routing
    /// key, with the event's id as `message_id` and its position as header `indelible-index`; it counts as delivered when
    /// the broker confirms it. The connection is not encrypted: use a tunnel to a broker elsewhere.
    Amqp {
        /// Host and port of the broker, such as `rabbit.example.org:5672`.
        address: String = String::new(),
        /// Virtual host.
        vhost: String = "/".to_owned(),
        /// User.
        user: String = "guest".to_owned(),
        /// Its password.
        password: String = String::new(),
        /// Exchange; it must exist unless `declare` is set.
        exchange: String = "audit".to_owned(),
        /// Whether to declare the exchange as a durable topic exchange.
        declare: bool = false,
        /// Whether an event that no queue is bound for is refused (and parked). Otherwise the broker lets it go, as topics do.
        mandatory: bool = false,
        /// Whether the address may lie in this machine or its networks; needs `node.admin`.
        allow_internal: bool = false,
    }
}

impl Amqp {
    pub(super) fn check(&self) -> Result<(), String> {
        host_and_port(&self.address)?;
        for (name, text) in [("exchange", &self.exchange), ("vhost", &self.vhost), ("user", &self.user)] {
            if text.is_empty() || text.len() > 255 {
                return Err(format!("{name} needs 1 to 255 bytes"));
            }
        }
        Ok(())
    }
}

/// The exchange while it is used.
pub(super) struct Publisher {
    settings: Amqp,
    open: Option<(Connection, Channel)>,
}

impl Publisher {
    pub(super) fn new(settings: Amqp) -> Self {
        Self { settings, open: None }
    }

    async fn connect(&self) -> Result<(Connection, Channel), String> {
        let settings = &self.settings;
        let (host, port) = host_and_port(&settings.address)?;
        let addresses = guard::lookup(host, port, settings.allow_internal).await?;
        let address = addresses.first().ok_or_else(|| format!("{host} has no address"))?;
        let uri = AMQPUri {
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: settings.user.clone(),
                    password: settings.password.clone(),
                },
                host: address.ip().to_string(),
                port,
            },
            vhost: settings.vhost.clone(),
            query: AMQPQueryString { heartbeat: Some(HEARTBEAT_S), ..AMQPQueryString::default() },
        };
        let properties = ConnectionProperties::default().with_connection_name("indelible".into());
        let said = |error: lapin::Error| format!("{}: {error}", settings.address);
        let connection = Connection::connect_uri(uri, properties).await.map_err(said)?;
        let channel = connection.create_channel().await.map_err(said)?;
        if settings.declare {
            let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            let exchange = settings.exchange.as_str().into();
            channel
                .exchange_declare(exchange, ExchangeKind::Topic, options, FieldTable::default())
                .await
                .map_err(said)?;
        }
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(said)?;
        Ok((connection, channel))
    }

    /// Publishes all, then waits for the broker's word on each, in their order.
    async fn publish(&self, channel: &Channel, messages: &[Message]) -> Result<(), Fault> {
        let said = |error: lapin::Error| Fault::down(format!("{}: {error}", self.settings.address));
        let mut waiting = Vec::with_capacity(messages.len());
        for message in messages {
            let Ok(key) = ShortString::try_new(message.routing_key.as_str()) else {
                return Err(Fault::refused("the routing key is longer than 255 bytes"));
            };
            let options =
                BasicPublishOptions { mandatory: self.settings.mandatory, ..BasicPublishOptions::default() };
            let exchange = self.settings.exchange.as_str().into();
            let confirm = channel
                .basic_publish(exchange, key, options, &message.body, properties(message))
                .await
                .map_err(said)?;
            waiting.push(confirm);
        }
        for (at, confirm) in waiting.into_iter().enumerate() {
            match confirm.await.map_err(|error| said(error).after(at))? {
                Confirmation::Ack(None) => {}
                Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
                    return Err(Fault::refused("no queue is bound for its routing key").after(at));
                }
                Confirmation::Nack(None) | Confirmation::NotRequested => {
                    return Err(Fault::down("the broker did not take it").after(at));
                }
            }
        }
        Ok(())
    }
}

fn properties(message: &Message) -> BasicProperties {
    let mut headers = FieldTable::default();
    let index = i64::try_from(message.index).unwrap_or(i64::MAX);
    headers.insert("indelible-index".into(), AMQPValue::LongLongInt(index));
    BasicProperties::default()
        .with_message_id(message.id.as_str().into())
        .with_content_type(message.content_type.into())
        .with_app_id("indelible".into())
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers)
}

#[async_trait]
impl Destination for Publisher {
    async fn deliver(&mut self, messages: &[Message]) -> Result<(), Fault> {
        let still = self.open.take().filter(|(_, channel)| channel.status().connected());
        let (connection, channel) = if let Some(open) = still {
            open
        } else {
            let connecting = tokio::time::timeout(CONNECT_WITHIN, self.connect()).await;
            let silent = || Err(format!("{} does not answer", self.settings.address));
            connecting.unwrap_or_else(|_| silent()).map_err(Fault::down)?
        };
        let published = tokio::time::timeout(CONFIRM_WITHIN, self.publish(&channel, messages)).await;
        let result = published.unwrap_or_else(|_| Err(Fault::down("the broker does not confirm")));
        // After a fault nobody knows what is still on its way: begin with a new connection.
        if result.is_ok() || result.as_ref().is_err_and(|fault| fault.refused) {
            self.open = Some((connection, channel));
        }
        result
    }
}
